import { expect, test } from 'vitest';
import { grownTotal, memoryChanges } from '../../../shared/embodied/memory-parts.ts';

const GIB = 2 ** 30;
const total = (gib: number, id = 'memory') => ({ id, type: 'memory', capacityBytes: gib * GIB });
const dimm = (id: string) => ({ id: `dimm-${id}`, type: 'dimm', capacityBytes: 64 * GIB });
const gpu = { id: 'GPU-1', type: 'gpu', capacityBytes: null };

test('modules take the place of a total, and those of the firmware of those of the kernel', () => {
  const modules = [dimm('mc0-0'), dimm('mc0-1')];
  expect(memoryChanges([gpu, total(128)], [gpu, ...modules])).toEqual({
    accepted: [gpu, ...modules],
    superseded: [total(128)],
    unseen: [],
  });
  expect(memoryChanges(modules, [dimm('A1234567')]).superseded).toEqual(modules);
});

test('what an agent with fewer rights tells is no news of the modules', () => {
  const modules = [dimm('A1234567'), dimm('slot-1')];
  expect(memoryChanges([gpu, ...modules], [gpu, total(128)])).toEqual({
    accepted: [gpu],
    superseded: [],
    unseen: modules,
  });
});

test('the same detail again is the same; a host that tells no memory takes none away', () => {
  const modules = [dimm('slot-0')];
  const same = { superseded: [], unseen: [] };
  expect(memoryChanges(modules, modules)).toEqual({ accepted: modules, ...same });
  expect(memoryChanges(modules, [gpu])).toEqual({ accepted: [gpu], ...same });
  expect(memoryChanges([], [total(1)])).toEqual({ accepted: [total(1)], ...same });
});

test('what a total has more than the ledger is a part of its own, and less is nothing', () => {
  expect(grownTotal([total(512)], total(768))).toEqual([total(256, 'memory-2')]);
  expect(grownTotal([total(512), total(256, 'memory-2')], total(1_024))).toEqual([total(256, 'memory-3')]);
  expect(grownTotal([total(512)], total(512))).toEqual([]);
  expect(grownTotal([total(512)], total(256))).toEqual([]);
});
