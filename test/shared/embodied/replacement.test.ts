import { expect, test } from 'vitest';
import {
  type ReplaceablePart,
  SUSPECTED_AFTER_MS,
  suspectedReplacements,
} from '../../../shared/embodied/replacement.ts';
import { isVirtualMachine } from '../../../shared/embodied/virtual-machine.ts';
import { DAY_MS } from '../../../shared/time/window.ts';

const gpu = (id: string, rest: Partial<ReplaceablePart> = {}): ReplaceablePart => ({
  id,
  type: 'gpu',
  inServiceMs: 0,
  outOfServiceMs: null,
  missingSinceMs: null,
  replacedBy: null,
  ...rest,
});
const old = gpu('old', { missingSinceMs: DAY_MS });
const fresh = gpu('fresh', { inServiceMs: 2 * DAY_MS });
const DUE_MS = DAY_MS + SUSPECTED_AFTER_MS;
const pairs = (parts: readonly ReplaceablePart[], nowMs = DUE_MS) => [...suspectedReplacements(parts, nowMs)];

test('a GPU that came while another has been missing for a week may have replaced it', () => {
  expect(pairs([old, fresh])).toEqual([['old', 'fresh']]);
  expect(pairs([old, fresh], DUE_MS - 1)).toEqual([]);
});

test('so may a memory module', () => {
  const module = (part: ReplaceablePart) => ({ ...part, type: 'dimm' });
  expect(pairs([module(old), module(fresh)])).toEqual([['old', 'fresh']]);
});

test.each([
  ['no newcomer', [old, gpu('there before')]],
  ['of another type', [old, { ...fresh, type: 'ssd' }]],
  ['missing itself', [old, { ...fresh, missingSinceMs: 3 * DAY_MS }]],
  ['named for another', [old, fresh, gpu('x', { replacedBy: 'fresh', outOfServiceMs: 1 })]],
  ['out of service already', [{ ...old, outOfServiceMs: DAY_MS }, fresh]],
  [
    'of which a node has one',
    [
      { ...old, type: 'memory' },
      { ...fresh, type: 'memory' },
    ],
  ],
])('nothing is proposed: %s', (_, parts) => {
  expect(pairs(parts)).toEqual([]);
});

test('two that are missing and two that came are two pairs, in order of time', () => {
  const parts = [
    gpu('fresh 2', { inServiceMs: 4 * DAY_MS }),
    gpu('old 2', { missingSinceMs: DAY_MS + 1 }),
    fresh,
    old,
  ];
  expect(pairs(parts, DUE_MS + DAY_MS)).toEqual([
    ['old', 'fresh'],
    ['old 2', 'fresh 2'],
  ]);
});

test.each([
  ['KVM', true],
  ['Standard PC (Q35 + ICH9, 2009)', true],
  ['VMware20,1', true],
  ['Google Compute Engine', true],
  ['p5.48xlarge', true],
  ['i3.metal', false],
  ['PowerEdge R740', false],
  ['DGXH100', false],
  ['SYS-821GE-TNHR', false],
  ['', false],
])('%s is a virtual machine: %s', (name, expected) => {
  expect(isVirtualMachine(name)).toBe(expected);
});
