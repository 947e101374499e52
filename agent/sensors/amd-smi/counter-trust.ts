/**
 * Whether an energy counter may be believed: those of some AMD GPUs stand still until a reboot, run backwards or count in
 * another unit. It has to agree with the power beside it once, and to rise from then on.
 */

export interface Sample {
  readonly atMs: number;
  readonly energyMillijoules: number;
  readonly powerWatts: number;
}

export interface CounterTrust {
  /** @returns how often trust was withdrawn before, where the counter may be used now; else null */
  judge(sample: Sample): number | null;
}

/** Loads change between two samples: half and twice the power at the ends is agreement, another unit is not. */
const AGREEMENT_FACTOR = 2;

export function createCounterTrust(): CounterTrust {
  let before: Sample | null = null;
  let trusted = false;
  let withdrawn = 0;

  return {
    judge(sample) {
      const last = before;
      before = sample;
      if (last === null) return null;
      const rise = sample.energyMillijoules - last.energyMillijoules;
      if (trusted && rise <= 0) {
        trusted = false;
        withdrawn++;
      } else if (!trusted) trusted = agrees(rise, last, sample);
      return trusted ? withdrawn : null;
    },
  };
}

/** Watts times milliseconds are millijoules. */
function agrees(rise: number, from: Sample, to: Sample): boolean {
  const expected = ((from.powerWatts + to.powerWatts) / 2) * (to.atMs - from.atMs);
  return rise >= expected / AGREEMENT_FACTOR && rise <= expected * AGREEMENT_FACTOR;
}
