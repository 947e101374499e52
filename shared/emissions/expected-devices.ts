/**
 * Whose time a node is expected to meter: every GPU and CPU of its inventory while in service, and every GPU, CPU and
 * memory that ever reported. What the node's own meter (`other`) saw counts as metered for all of them, since it sees
 * the whole host. A node with none of these is one device, its own meter.
 */
import type { Service } from '../embodied/amortization.ts';
import type { DeviceType } from '../wire/ingest.ts';
import type { JoinNode, NodePart } from './join-node.ts';

export interface ExpectedDevice {
  readonly id: string;
  readonly name: string;
  readonly type: DeviceType;
  /** Null for a part that never reported. */
  readonly deviceIndex: number | null;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** `[leftMs, returnedMs]` of each time that it was away, in order. */
  readonly absences?: Service['absences'];
}

/** What tells which devices a node is expected to meter. */
export interface ExpectingNode extends Pick<JoinNode, 'devices' | 'enrolledAtMs'> {
  readonly parts: readonly Pick<
    NodePart,
    'id' | 'type' | 'name' | 'inServiceMs' | 'outOfServiceMs' | 'absences'
  >[];
}

export function expectedDevices(node: ExpectingNode): ExpectedDevice[] {
  const expected: ExpectedDevice[] = [];
  for (const { deviceIndex, id, name, type } of node.devices) {
    if (type === 'other') continue;
    const part = node.parts.find((candidate) => candidate.id === id && candidate.type === type);
    expected.push({
      id,
      name,
      type,
      deviceIndex,
      sinceMs: part?.inServiceMs ?? node.enrolledAtMs,
      untilMs: part?.outOfServiceMs ?? Number.POSITIVE_INFINITY,
      absences: part?.absences,
    });
  }
  const reported = new Set(node.devices.map((device) => device.id));
  for (const { id, name, type, inServiceMs, outOfServiceMs, absences } of node.parts) {
    if ((type !== 'gpu' && type !== 'cpu') || reported.has(id)) continue;
    expected.push({
      id,
      name,
      type,
      deviceIndex: null,
      sinceMs: inServiceMs,
      untilMs: outOfServiceMs ?? Number.POSITIVE_INFINITY,
      absences,
    });
  }
  if (expected.length > 0) return expected;
  const own = node.devices.find((device) => device.type === 'other');
  return [
    {
      id: own?.id ?? 'node',
      name: own?.name ?? '',
      type: 'other',
      deviceIndex: own?.deviceIndex ?? null,
      sinceMs: node.enrolledAtMs,
      untilMs: Number.POSITIVE_INFINITY,
    },
  ];
}
