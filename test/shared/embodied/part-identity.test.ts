import { expect, test } from 'vitest';
import { type IdScope, idScope, isSamePart } from '../../../shared/embodied/part-identity.ts';

test.each<[string, string, IdScope]>([
  ['gpu', 'GPU-5a3c1b9e-0d4f-4f3b-9a52-6f1d2c3b4a59', 'world'],
  ['gpu', 'amd-11ff75a3-0000-1000-8000-00000000000a', 'world'],
  ['gpu', 'amd-a1b2c3d4e5f60718', 'world'],
  ['gpu', '01P4-HL3090A0-18-U4V193-22-07-00', 'world'],
  ['gpu', 'amd-0000000000000000', 'node'],
  ['gpu', 'amd-0000:3b:00.0', 'node'],
  ['gpu', 'intel-0000:3b:00.0', 'node'],
  ['gpu', '0000:3b:00.0', 'node'],
  ['gpu', 'GPU-1', 'node'],
  ['gpu', 'card0', 'node'],
  ['ssd', 'S64HNE0R500001', 'maker'],
  ['ssd', 'vol0123456789abcdef0', 'maker'],
  ['hdd', 'naa.5000c500e0000001', 'world'],
  ['ssd', 'eui.0025388b91d0c8d2', 'world'],
  ['ssd', 'nvme.144d-533634484e4530-53414d53554e47-00000001', 'world'],
  ['ssd', 'eui.0000000000000000', 'node'],
  // What clouds and hypervisors call the disks of every machine.
  ['ssd', 'persistent-disk-0', 'node'],
  ['ssd', 'nvme_card', 'node'],
  ['hdd', 'QM00001', 'node'],
  ['ssd', '0000000000', 'node'],
  ['ssd', '1234567890', 'node'],
  ['ssd', 'M sda', 'node'],
  ['ssd', 'S64HNE0R500001 nvme0n2', 'node'],
  ['dimm', 'dimm-80CE032401', 'maker'],
  ['dimm', 'dimm-slot-3', 'node'],
  ['dimm', 'dimm-mc0-3', 'node'],
  ['dimm', 'dimm-NotSpecified', 'node'],
  ['cpu', 'cpu-0', 'node'],
  ['memory', 'memory', 'node'],
])('the id of a %s, %s: %s', (type, id, scope) => {
  expect(idScope(type, id)).toBe(scope);
});

test('a serial number is of one part among those of its name; a UUID of one whatever it is called', () => {
  const disk = { type: 'ssd', id: 'S64HNE0R500001', name: 'SAMSUNG MZQL2' };
  expect(isSamePart(disk, { ...disk })).toBe(true);
  expect(isSamePart(disk, { ...disk, name: 'other' })).toBe(false);
  expect(isSamePart(disk, { ...disk, type: 'hdd' })).toBe(false);
  const gpu = { type: 'gpu', id: 'GPU-5a3c1b9e-0d4f-4f3b-9a52-6f1d2c3b4a59', name: 'A' };
  expect(isSamePart(gpu, { ...gpu, name: 'B' })).toBe(true);
  const slot = { type: 'dimm', id: 'dimm-slot-0', name: 'DDR5' };
  expect(isSamePart(slot, { ...slot })).toBe(false);
});
