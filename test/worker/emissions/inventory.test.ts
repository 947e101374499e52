import { beforeAll, expect, test } from 'vitest';
import type { EnrollReply, InventoryPart } from '../../../shared/wire/ingest.ts';
import { ask, clock, DAY_MS, H100, HOUR_MS, newNode, report } from './support.ts';

interface Part {
  readonly id: string;
  readonly capacityBytes: number | null;
  readonly inServiceFrom: string;
  readonly outOfServiceFrom: string | null;
  readonly embodiedGrams: number;
}

const gpu = (id: string): InventoryPart => ({ id, type: 'gpu', name: H100 });
const memory = (capacityBytes: number): InventoryPart => ({
  id: 'memory',
  type: 'memory',
  name: 'DDR5',
  capacityBytes,
});
const at = (ms: number) => new Date(ms).toISOString();

let node: EnrollReply;
async function partsAfter(parts: readonly InventoryPart[]): Promise<ReadonlyMap<string, Part>> {
  await report(node.token, [], parts);
  const ledger = await ask<{ parts: Part[] }>('GET', `/v1/nodes/${node.nodeId}/embodied`);
  return new Map(ledger.parts.map((part) => [part.id, part]));
}

beforeAll(async () => {
  await ask('POST', '/v1/sites', { id: 'a', gridZone: 'DE', pueRatio: 1 });
  node = await newNode('a-1', 'a');
  clock.nowMs = DAY_MS + HOUR_MS;
});

test('the first inventory is in service since the enrolment, with the parts that no host reports', async () => {
  const parts = await partsAfter([gpu('GPU-1'), memory(2 ** 36)]);
  expect([...parts.keys()].sort()).toEqual(
    ['GPU-1', 'assembly', 'chassis', 'memory', 'motherboard', 'power-supplies'].sort(),
  );
  for (const { inServiceFrom } of parts.values()) expect(inServiceFrom).toBe(at(DAY_MS));
});

test('a part that appears later is in service since then; one that is missing stays; capacity never shrinks', async () => {
  clock.nowMs = DAY_MS + 2 * HOUR_MS;
  const parts = await partsAfter([gpu('GPU-2'), memory(2 ** 35)]);
  expect(parts.get('GPU-2')!.inServiceFrom).toBe(at(DAY_MS + 2 * HOUR_MS));
  expect(parts.get('GPU-1')).toMatchObject({ inServiceFrom: at(DAY_MS), outOfServiceFrom: null });
  expect(parts.get('memory')!.capacityBytes).toBe(2 ** 36);
  const grown = await partsAfter([gpu('GPU-1'), gpu('GPU-2'), memory(2 ** 37)]);
  // What was added is a part of its own.
  expect(grown.get('memory')!.capacityBytes).toBe(2 ** 36);
  expect(grown.get('memory-2')).toMatchObject({
    capacityBytes: 2 ** 36,
    inServiceFrom: at(DAY_MS + 2 * HOUR_MS),
  });
  expect(grown.get('GPU-1')!.inServiceFrom).toBe(at(DAY_MS));
});
