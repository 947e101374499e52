/**
 * Whose time a node is expected to meter: every GPU and CPU of its inventory while in service, and every GPU, CPU and
 * memory that ever reported. What the node's own meter (`other`) saw counts as metered for all of them, since it sees
 * the whole host. A node with none of these is one device, its own meter.
 */
import type { DeviceType } from '../wire/ingest.ts';
import type { JoinNode } from './join-node.ts';

export interface ExpectedDevice {
  readonly type: DeviceType;
  /** Null for a part that never reported. */
  readonly deviceIndex: number | null;
  readonly sinceMs: number;
  readonly untilMs: number;
}

export function expectedDevices(node: JoinNode): ExpectedDevice[] {
  const expected: ExpectedDevice[] = [];
  for (const { deviceIndex, id, type } of node.devices) {
    if (type === 'other') continue;
    const part = node.parts.find((candidate) => candidate.id === id && candidate.type === type);
    expected.push({
      type,
      deviceIndex,
      sinceMs: part?.inServiceMs ?? node.enrolledAtMs,
      untilMs: part?.outOfServiceMs ?? Number.POSITIVE_INFINITY,
    });
  }
  const reported = new Set(node.devices.map((device) => device.id));
  for (const { id, type, inServiceMs, outOfServiceMs } of node.parts) {
    if ((type !== 'gpu' && type !== 'cpu') || reported.has(id)) continue;
    expected.push({
      type,
      deviceIndex: null,
      sinceMs: inServiceMs,
      untilMs: outOfServiceMs ?? Number.POSITIVE_INFINITY,
    });
  }
  if (expected.length > 0) return expected;
  const own = node.devices.find((device) => device.type === 'other');
  return [
    {
      type: 'other',
      deviceIndex: own?.deviceIndex ?? null,
      sinceMs: node.enrolledAtMs,
      untilMs: Number.POSITIVE_INFINITY,
    },
  ];
}
