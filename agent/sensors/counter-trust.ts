/**
 * Whether an energy counter may be believed: those of some AMD GPUs stand still until a reboot, run backwards or count in
 * another unit. It has to agree with the power beside it once, over half a second or more, and to rise from then on.
 */

export interface TrustSample {
  readonly atMs: number;
  readonly energyMillijoules: number;
  readonly powerWatts: number;
}

export type TrustVerdict =
  /** `withdrawn`: how often trust was lost before; what came before is another counter. */
  { readonly trusted: true; readonly withdrawn: number } | { readonly trusted: false; readonly why: string };

/**
 * Loads change between two samples, so that agreement is wide; yet a counter of one of two dies, whose power is told
 * together, and one in another unit lie outside.
 */
const AGREEMENT_FACTOR = 1.5;

/** Below this a counter that moves in steps proves nothing. */
const MIN_SPAN_MS = 500;

export function createCounterTrust(): (sample: TrustSample) => TrustVerdict {
  let before: TrustSample | null = null;
  let verdict: TrustVerdict = { trusted: false, why: 'not compared with the power yet' };
  let withdrawn = 0;

  return (sample) => {
    const last = before;
    if (last !== null && sample.atMs - last.atMs < MIN_SPAN_MS) return verdict;
    before = sample;
    if (last === null) return verdict;
    const wasTrusted = verdict.trusted;
    const why = wasTrusted ? standing(last, sample) : (standing(last, sample) ?? disagreement(last, sample));
    if (wasTrusted && why !== null) withdrawn++;
    verdict = why === null ? { trusted: true, withdrawn } : { trusted: false, why };
    return verdict;
  };
}

function standing(from: TrustSample, to: TrustSample): string | null {
  const rise = to.energyMillijoules - from.energyMillijoules;
  if (rise > 0) return null;
  return rise === 0 ? 'stands still' : 'runs backwards';
}

/** Watts times milliseconds are millijoules. */
function disagreement(from: TrustSample, to: TrustSample): string | null {
  const spanMs = to.atMs - from.atMs;
  const power = (from.powerWatts + to.powerWatts) / 2;
  const counted = (to.energyMillijoules - from.energyMillijoules) / spanMs;
  if (counted >= power / AGREEMENT_FACTOR && counted <= power * AGREEMENT_FACTOR) return null;
  return `counts ${rounded(counted)} W where the power is ${rounded(power)} W`;
}

const rounded = (watts: number) => Number(watts.toPrecision(3));
