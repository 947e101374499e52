/**
 * Power of the eight GPUs of a node, second by second: a load of ours, seeded, so that runs agree. Its phases have the means,
 * the steps and the noise of the recorded traces that docs/operate.md names (training with checkpoints on eight H100), and
 * take as many bytes.
 */
import { generator } from '../row-layout/workload.ts';

export const GPUS = 8;
export const SECONDS_PER_WINDOW = 300;

export interface LoadWindow {
  /** By GPU: whole watts, one a second. */
  readonly watts: readonly (readonly number[])[];
  /** By GPU: mean of the percents that a sensor gives, 0 to 1. */
  readonly utilizationRatio: readonly number[];
}

interface Phase {
  readonly watts: number;
  /** Standard deviations from second to second, in watts: of what drives all GPUs alike, and of each alone. */
  readonly common: number;
  readonly own: number;
  readonly utilizationPercent: number;
  /** Seconds between two drops (checkpoint, evaluation), their length, and what is left of the power. */
  readonly drop: { readonly every: number; readonly length: number; readonly watts: number } | null;
}

const IDLE: Phase = { watts: 72, common: 0, own: 0.3, utilizationPercent: 0, drop: null };
const LIGHT: Phase = {
  watts: 135,
  common: 1,
  own: 0.5,
  utilizationPercent: 85,
  drop: { every: 61, length: 3, watts: 330 },
};
const TRAINING: Phase = {
  watts: 545,
  common: 8.5,
  own: 4.8,
  utilizationPercent: 91,
  drop: { every: 97, length: 6, watts: 400 },
};

/** Seconds of each, over and over: a third of the time at full load. */
const MIXED: readonly (readonly [Phase, number])[] = [
  [IDLE, 700],
  [TRAINING, 1_500],
  [LIGHT, 1_900],
  [TRAINING, 600],
  [IDLE, 400],
  [LIGHT, 1_200],
];

export type LoadKind = 'mixed' | 'full';

/** Windows that follow each other, for ever. */
export function* gpuLoad(kind: LoadKind, seed: number): Generator<LoadWindow> {
  const random = generator(seed);
  const plan = kind === 'full' ? ([[TRAINING, 86_400]] as const) : MIXED;
  const levels = Array.from({ length: GPUS }, () => 0.97 + 0.06 * random());
  const length = plan.reduce((sum, [, seconds]) => sum + seconds, 0);
  for (let second = Math.floor(random() * length); ; ) {
    const watts: number[][] = Array.from({ length: GPUS }, () => []);
    const percents = Array.from({ length: GPUS }, () => 0);
    for (let i = 0; i < SECONDS_PER_WINDOW; i++, second++) {
      const phase = phaseAt(plan, second % length);
      const { drop } = phase;
      const level = drop !== null && second % drop.every < drop.length ? drop.watts : phase.watts;
      const common = phase.common * noise(random);
      for (let gpu = 0; gpu < GPUS; gpu++) {
        watts[gpu]!.push(Math.max(0, Math.round(level * levels[gpu]! + common + phase.own * noise(random))));
        percents[gpu]! += Math.min(
          100,
          Math.max(0, phase.utilizationPercent + Math.round(3 * noise(random))),
        );
      }
    }
    const utilizationRatio = percents.map((sum) => Math.round((sum / SECONDS_PER_WINDOW) * 100) / 10_000);
    yield { watts, utilizationRatio };
  }
}

function phaseAt(plan: readonly (readonly [Phase, number])[], second: number): Phase {
  let left = second;
  for (const [phase, seconds] of plan) {
    if (left < seconds) return phase;
    left -= seconds;
  }
  throw new RangeError(`the plan has no second ${second}`);
}

/** Mean 0, deviation 1, with the long tails of real steps: mostly small, sometimes large. */
function noise(random: () => number): number {
  const bell = (random() + random() + random() + random() - 2) * 1.73;
  const scale = random();
  return bell * (scale < 0.6 ? 0.5 : scale < 0.9 ? 1 : 2.3);
}
