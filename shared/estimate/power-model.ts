/**
 * Watts of an accelerator of which only the utilization is known (what NVML calls so: the share of time in which it computed
 * at all):
 *
 *   power = TDP x (idle + utilization x (full - idle))
 *
 * Utilization says little of power: a GPU that waits for memory is as busy as one that multiplies. So the bounds are wide.
 */

interface Spread {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Power at rest, as a share of TDP. */
export const IDLE_SHARE: Spread = { value: 0.116, low: 0.1, high: 0.25 };
/** Power at full utilization, as a share of TDP. */
export const FULL_SHARE: Spread = { value: 0.76, low: 0.39, high: 1.02 };

/** Where the shares are from. */
export const POWER_MODEL_SOURCES: readonly string[] = [
  'idle 0.116 and full 1.02: Davy (Teads Engineering), Building an AWS EC2 Carbon Emissions Dataset, 2021: 8 A100 at 371.6 W at rest and 3,259.3 W under stress, of 3,200 W (as quoted by others)',
  'full 0.76: Newkirk et al., Empirically-Calibrated H100 Node Power Models, 2025, arXiv:2506.14551: training at 76 % of the rated power of a node of 8 H100',
  'full 0.39: mean of 8 H100 over recorded training runs with checkpoints, 271.8 of 700 W',
  'idle 0.1 and 0.25: recorded H100 at rest, 70 of 700 W; A100 watched by dcgm-exporter 4.1.1, 100 of 400 W (NVIDIA/dcgm-exporter issue 464)',
];

export interface PowerEstimate {
  readonly watts: number;
  readonly wattsLow: number;
  readonly wattsHigh: number;
}

/** Of one piece. @param utilizationRatio 0..1 */
export function modelledPower(tdpWatts: number, utilizationRatio: number): PowerEstimate {
  const at = (bound: keyof Spread) =>
    tdpWatts * (IDLE_SHARE[bound] + utilizationRatio * (FULL_SHARE[bound] - IDLE_SHARE[bound]));
  return { watts: at('value'), wattsLow: at('low'), wattsHigh: at('high') };
}
