/** A node with a day of its own in the past, and the answers about it. */
import type { JobReport, WindowReport } from '../../../shared/wire/ingest.ts';
import { ask, clock, DAY_MS, gpu, HOUR_MS, newNode, WINDOW_MS } from '../emissions/support.ts';

export const HOURS = 6;
export const WINDOWS = HOURS * 12;
/** All of its hours have settled. */
export const SETTLED_MS = DAY_MS + 12 * HOUR_MS;

export interface Told {
  readonly nodeId: string;
  readonly token: string;
  /** Last revision sent of each window. */
  readonly revisions: Map<number, number>;
}

export const iso = (ms: number) => new Date(ms).toISOString();

/** Enrolled at the start of the day. */
export async function nodeAt(site: string): Promise<Told> {
  const { nodeId, token } = await newNode(site, site);
  return { nodeId, token, revisions: new Map() };
}

export const GPU_ID = 'GPU-00000000-0000-4000-8000-0000000000aa';

/** Says (again) what a window's energy is. */
export async function tell(node: Told, window: number, energyMillijoules: number): Promise<void> {
  await tellAll(node, [[window, energyMillijoules]]);
}

export async function tellAll(
  node: Told,
  energies: readonly (readonly [window: number, energyMillijoules: number, jobs?: readonly JobReport[]])[],
): Promise<void> {
  const reports = energies.map(([window, energyMillijoules, jobs = []]): WindowReport => {
    const revision = (node.revisions.get(window) ?? 0) + 1;
    node.revisions.set(window, revision);
    return {
      windowStartMs: DAY_MS + window * WINDOW_MS,
      epoch: 'epoch0001',
      revision,
      // The server knows of more to come, so the window never seals.
      final: false,
      devices: [gpu(GPU_ID, energyMillijoules) as never],
      jobs,
    };
  });
  await ask(
    'POST',
    '/v1/ingest',
    { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports },
    node.token,
  );
}

export interface Answer {
  readonly asOf: string;
  readonly totals: Record<string, number> & { readonly energyKwh: number; readonly operationalGrams: number };
  readonly series: readonly unknown[];
  readonly groups: readonly unknown[];
}

/** Everything that is answered about the node's day, as it is known now or was at `asOfMs`. */
export function answerOf(nodeId: string, asOfMs?: number): Promise<Answer> {
  const range = `from=${iso(DAY_MS)}&to=${iso(DAY_MS + HOURS * HOUR_MS)}`;
  const asOf = asOfMs === undefined ? '' : `&asOf=${iso(asOfMs)}`;
  return ask<Answer>(
    'GET',
    `/v1/fleet/emissions?filter=node:${nodeId}&step=hour&groupBy=site&${range}${asOf}`,
  );
}

export interface ChangeAnswer {
  readonly who: string;
  readonly subject: string;
  readonly what: string;
  readonly from: unknown;
  readonly to: unknown;
  readonly effectiveFrom: string | null;
  readonly effectiveTo: string | null;
  readonly why: string | null;
  readonly recordedAt: string;
}

export async function changesOf(query: string): Promise<readonly ChangeAnswer[]> {
  return (await ask<{ changes: ChangeAnswer[] }>('GET', `/v1/changes?limit=200&${query}`)).changes;
}
