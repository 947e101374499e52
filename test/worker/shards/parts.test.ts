/** A GPU that goes to a node of another database. */
import { expect, test, vi } from 'vitest';
import type { EnrollReply } from '../../../shared/wire/ingest.ts';
import { host } from '../support/enrolment.ts';
import { interrupted } from '../support/interrupted.ts';
import { fleetOn, migrateAll, nodesIn, THREE } from './support.ts';

const GPU = 'GPU-00000000-0000-4000-8000-000000000001';
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 4, 4);
const fleet = fleetOn(THREE, START_MS);

const partOf = async (node: string) => {
  const { parts } = await fleet.ask<{ parts: { id: string }[] }>('GET', `/v1/nodes/${node}/embodied`);
  return parts.find(({ id }) => id === GPU);
};

test('one that is cut off between two databases goes on with what is left of it', async () => {
  await migrateAll();
  await fleet.ask('POST', '/v1/sites', { id: 'berlin', gridZone: 'DE', pueRatio: 1.2 });
  const wanted = { label: 'rack', site: 'berlin', maxUses: null };
  const { key } = await fleet.ask<{ key: string }>('POST', '/v1/enrolment-keys', wanted);
  const tokens: string[] = [];
  for (const name of ['from', 'to'])
    tokens.push((await fleet.ask<EnrollReply>('POST', '/v1/enroll', host(name), key)).token);
  expect(await nodesIn(THREE[1]!)).toEqual(['to']);
  const parts = [{ id: GPU, type: 'gpu', name: 'NVIDIA H100 80GB HBM3' }];
  const tell = (on: typeof fleet, node: number) => {
    const inventory = { hostname: 'host', kernel: '6.8', productName: '', parts };
    const body = { version: 1, sentAtMs: on.nowMs, agentVersion: '0.1.0', reports: [], inventory };
    return on.call('POST', '/v1/ingest', body, tokens[node]);
  };
  expect((await tell(fleet, 0)).status).toBe(200);

  // It ends there, and what begins here is lost.
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const gone = () => Promise.reject(new Error('D1_ERROR: gone'));
  const broken = fleetOn([THREE[0]!, interrupted(THREE[1]!, gone, 1), THREE[2]!], START_MS + 30 * DAY_MS);
  expect((await tell(broken, 1)).status).toBeGreaterThanOrEqual(500);
  vi.restoreAllMocks();
  fleet.nowMs = START_MS + 30 * DAY_MS;
  expect(await partOf('from')).toMatchObject({ movedTo: 'to', outOfServiceFrom: '2026-06-03T00:00:00.000Z' });
  expect(await partOf('to')).toBeUndefined();

  // The agent tells it again.
  expect((await tell(fleet, 1)).status).toBe(200);
  expect(await partOf('to')).toMatchObject({
    outOfServiceFrom: null,
    agesFrom: new Date(START_MS).toISOString(),
  });
  const { changes } = await fleet.ask<{ changes: { subject: string; who: string }[] }>(
    'GET',
    '/v1/changes?what=parts&subject=node:from',
  );
  expect(changes[0]).toMatchObject({ subject: 'node:from', who: 'node:to' });
});
