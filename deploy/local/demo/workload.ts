/** What the demo fleet works on: training runs of a day or so per site, one after the other, with idle time between. */
import { HOUR_MS } from '../../../shared/time/window.ts';
import type { DemoNode } from './fleet.ts';
import { noise } from './noise.ts';

export interface DemoJob {
  readonly id: string;
  readonly project: string;
  readonly user: string;
  readonly phase: string;
  readonly startMs: number;
  readonly endMs: number;
}

const BLOCK_MS = 30 * HOUR_MS;
const PROJECTS = ['lantern-7b', 'harbour-vision', 'lantern-70b', 'tidal-speech'];
const USERS = ['ada', 'grace', 'emmy', 'mary'];
const PHASES = ['train', 'train', 'finetune', 'evaluate'];
/** Every third block or so leaves one node of a site out of the job. */
const SPARE_NODE_SHARE = 0.35;

/** The job that has the node at this instant, or null: one job per site and block of 30 hours. */
export function jobAt(node: DemoNode, instantMs: number): DemoJob | null {
  const block = Math.floor(instantMs / BLOCK_MS);
  const site = siteSeed(node);
  const startMs = (block + 0.02 + 0.12 * noise(site, block, 1)) * BLOCK_MS;
  const endMs = (block + 0.78 + 0.2 * noise(site, block, 2)) * BLOCK_MS;
  if (instantMs < startMs || instantMs >= endMs) return null;
  if (noise(node.index, block, 3) < SPARE_NODE_SHARE / 2) return null;
  const pick = (from: readonly string[], seed: number) =>
    from[Math.floor(noise(site, block, seed) * from.length)]!;
  return {
    id: `slurm:${node.site.id}:${100_000 + (block % 100_000)}`,
    project: pick(PROJECTS, 4),
    user: pick(USERS, 5),
    phase: pick(PHASES, 6),
    startMs,
    endMs,
  };
}

/** The hours in which nobody metered the node: an outage now and then, so that coverage has something to say. */
export function isOutage(node: DemoNode, instantMs: number): boolean {
  const day = Math.floor(instantMs / (24 * HOUR_MS));
  if (noise(node.index, day, 7) > 0.03) return false;
  const hour = Math.floor((instantMs - day * 24 * HOUR_MS) / HOUR_MS);
  const first = Math.floor(noise(node.index, day, 8) * 20);
  return hour >= first && hour < first + 3;
}

/** Load of the node's devices, 0..1: steady steps with a dip for each checkpoint, and a quiet host otherwise. */
export function loadAt(node: DemoNode, windowStartMs: number): number {
  const job = jobAt(node, windowStartMs);
  const jitter = noise(node.index, windowStartMs / 300_000, 9);
  if (job === null) return 0.01 * jitter;
  const windowsIn = Math.floor((windowStartMs - job.startMs) / 300_000);
  if (windowsIn <= 0) return 0.4 + 0.1 * jitter;
  if (windowsIn % 24 === 0) return 0.7 + 0.1 * jitter;
  return (job.phase === 'evaluate' ? 0.62 : 0.9) + 0.08 * jitter;
}

function siteSeed(node: DemoNode): number {
  let seed = 17;
  for (const character of node.site.id) seed = seed * 31 + character.charCodeAt(0);
  return seed | 0;
}
