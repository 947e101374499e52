import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memoryModules } from '../../../agent/inventory/dmi-memory.ts';
import { hostFingerprints } from '../../../agent/inventory/fingerprints.ts';
import { readInventory } from '../../../agent/inventory/inventory.ts';
import { roundUpToInstalled } from '../../../agent/inventory/memory.ts';
import { gpuMeter } from '../../../agent/sensors/gpu-meter.ts';
import { emptyHost, fixture, type HostTree } from '../sensors/host-tree.ts';
import { smbiosTable } from './smbios-table.ts';

const GIB = 2 ** 30;

/** A block device as sysfs shows it: a link into the devices' tree. */
async function addDisk(host: HostTree, at: string, files: Readonly<Record<string, string>>) {
  const name = at.split('/').at(-1) ?? '';
  await host.write(
    Object.fromEntries(
      Object.entries(files).map(([file, text]) => [`sys/devices/${at}/${file}`, `${text}\n`]),
    ),
  );
  await host.link(`sys/block/${name}`, `../devices/${at}`);
}

describe('inventory', () => {
  test('GPUs by their meters, sockets, memory, disks', async () => {
    const host = await emptyHost();
    await host.write({
      'proc/sys/kernel/hostname': 'gpu-17\n',
      'proc/sys/kernel/osrelease': '6.8.0-51-generic\n',
      'proc/cpuinfo': await readFile(fixture('hosts/cpuinfo-2-sockets.txt')),
      'sys/class/dmi/id/product_name': 'PowerEdge XE9680\n',
      'sys/firmware/dmi/tables/DMI': smbiosTable(
        Array.from({ length: 4 }, (_, i) => ({
          mebibytes: i < 3 ? 65_536 : 0,
          type: 34,
          partNumber: 'M321R8GA0BB0-CQKZJ  ',
          ...(i < 2 && { serial: `80CE0324${i}` }),
        })),
      ),
    });
    await addDisk(host, 'pci0/nvme/nvme0n1', {
      size: '7501476528',
      'queue/rotational': '0',
      'device/model': 'SAMSUNG  MZQL23T8HCLS-00A07               ',
      'device/serial': 'S64HNE0R500001',
    });
    await addDisk(host, 'pci0/ata1/sda', {
      size: '15628053168',
      'queue/rotational': '1',
      'device/model': 'ST8000NM000A',
      wwid: 'naa.5000c500e0000001',
    });
    const facts = { powerSource: 'NVML\u0007field 185', powerMeaning: 'mean', powerLimitWatts: 700 } as const;
    const meters = [
      gpuMeter('nvml', 'GPU-a', 'NVIDIA H100 80GB HBM3', 'device', facts),
      gpuMeter('intel-gpu', 'intel-0', 'Intel GPU', 'device'),
    ];
    expect(await readInventory(host.paths, meters)).toEqual({
      hostname: 'gpu-17',
      kernel: '6.8.0-51-generic',
      productName: 'PowerEdge XE9680',
      parts: [
        { id: 'GPU-a', type: 'gpu', name: 'NVIDIA H100 80GB HBM3' },
        { id: 'intel-0', type: 'gpu', name: 'Intel GPU' },
        { id: 'cpu-0', type: 'cpu', name: 'Intel(R) Xeon(R) Gold 6134 CPU @ 3.20GHz', cores: 4 },
        { id: 'cpu-1', type: 'cpu', name: 'Intel(R) Xeon(R) Gold 6134 CPU @ 3.20GHz', cores: 4 },
        ...['dimm-80CE03240', 'dimm-80CE03241', 'dimm-slot-2'].map((id) => ({
          id,
          type: 'dimm',
          name: 'DDR5 Maker M321R8GA0BB0-CQKZJ',
          capacityBytes: 64 * GIB,
        })),
        {
          id: 'S64HNE0R500001',
          type: 'ssd',
          name: 'SAMSUNG MZQL23T8HCLS-00A07',
          capacityBytes: 7501476528 * 512,
        },
        { id: 'naa.5000c500e0000001', type: 'hdd', name: 'ST8000NM000A', capacityBytes: 15628053168 * 512 },
      ],
      meters: [
        {
          id: 'nvml:GPU-a',
          sensor: 'nvml',
          deviceId: 'GPU-a',
          scope: 'device',
          powerSource: 'NVML field 185',
          powerMeaning: 'mean',
          powerLimitWatts: 700,
        },
        { id: 'intel-gpu:intel-0', sensor: 'intel-gpu', deviceId: 'intel-0', scope: 'device' },
      ],
    });
  });

  test('loop, zram, md, optical, virtual, removable, hidden and empty disks are no parts', async () => {
    const host = await emptyHost();
    const real = { size: '100', 'queue/rotational': '0', 'device/model': 'X', 'device/serial': 'S' };
    for (const name of ['loop0', 'zram0', 'md127', 'dm-0', 'ram0', 'sr0', 'vda', 'xvdb', 'nbd3', 'rbd0'])
      await addDisk(host, `pci0/${name}`, real);
    await addDisk(host, 'virtual/block/sdz', real);
    await addDisk(host, 'usb1/sdb', { ...real, removable: '1' });
    await addDisk(host, 'pci0/nvme0c0n1', { ...real, hidden: '1' });
    await addDisk(host, 'pci0/sdc', { ...real, size: '0' });
    expect((await readInventory(host.paths, [])).parts).toEqual([]);
  });

  test('names are printable and bounded, whatever a disk says of itself', async () => {
    const host = await emptyHost();
    const disk = { size: '8', 'queue/rotational': '0' };
    await addDisk(host, 'pci0/sda', {
      ...disk,
      'device/model': '\u00b5SSD\u0001\u0002 X',
      'device/serial': 'S'.repeat(500),
    });
    const [part] = (await readInventory(host.paths, [])).parts;
    expect(part).toMatchObject({ id: 'S'.repeat(128), name: 'SSD X' });
  });

  test('two namespaces of one NVMe disk, and disks without a serial, have ids of their own', async () => {
    const host = await emptyHost();
    const disk = { size: '8', 'queue/rotational': '0', 'device/model': 'M' };
    await addDisk(host, 'pci0/nvme0n1', { ...disk, 'device/serial': 'S1' });
    await addDisk(host, 'pci0/nvme0n2', { ...disk, 'device/serial': 'S1' });
    await addDisk(host, 'pci0/sda', disk);
    await addDisk(host, 'pci0/sdb', disk);
    const ids = (await readInventory(host.paths, [])).parts.map((part) => part.id);
    expect(ids).toEqual(['S1', 'S1 nvme0n2', 'M sda', 'M sdb']);
  });

  test('modules that share a serial are known by their slots, which empty ones count', async () => {
    const host = await emptyHost();
    const same = { mebibytes: 16_384, type: 26, serial: 'AB12CD34' };
    await host.write({
      'sys/firmware/dmi/tables/DMI': smbiosTable([same, { mebibytes: 0, type: 2 }, same]),
    });
    const parts = (await readInventory(host.paths, [])).parts;
    expect(parts.map(({ id }) => id)).toEqual(['dimm-slot-0', 'dimm-slot-2']);
  });

  test('where the firmware table is closed, EDAC tells the modules; its ranks are none', async () => {
    const host = await emptyHost();
    const at = 'sys/devices/system/edac/mc';
    await host.write({
      'proc/meminfo': 'MemTotal:       64684092 kB\n',
      [`${at}/mc0/dimm0/size`]: '32768\n',
      [`${at}/mc0/dimm0/dimm_mem_type`]: 'Registered-DDR4\n',
      [`${at}/mc0/dimm1/size`]: '0\n',
      [`${at}/mc0/csrow0/size_mb`]: '32768\n',
      [`${at}/mc1/rank0/size`]: '32768\n',
    });
    expect((await readInventory(host.paths, [])).parts).toEqual([
      { id: 'dimm-mc0-0', type: 'dimm', name: 'Registered-DDR4', capacityBytes: 32 * GIB },
    ]);
  });

  test('without the firmware table the memory is rounded up, and the name says so', async () => {
    const host = await emptyHost();
    await host.write({ 'proc/meminfo': 'MemTotal:       24684092 kB\n' });
    expect((await readInventory(host.paths, [])).parts).toEqual([
      { id: 'memory', type: 'memory', name: 'memory (23.5 GiB usable, rounded up)', capacityBytes: 24 * GIB },
    ]);
  });

  test('a host that tells nothing has an empty inventory', async () => {
    const { paths } = await emptyHost();
    expect(await readInventory(paths, [])).toEqual({
      hostname: 'unnamed-host',
      kernel: '',
      productName: '',
      parts: [],
      meters: [],
    });
  });
});

describe('memory', () => {
  test.each([
    [0.94, 1],
    [15.4, 16],
    [31.2, 32],
    [62.7, 64],
    [125.6, 128],
    [251.5, 256],
    [377.1, 384],
    [503.5, 512],
    [755.2, 768],
    [1007.4, 1024],
    [1511, 1536],
    [2015.1, 2048],
  ])('%d GiB usable are %d GiB installed', (usable, installed) => {
    expect(roundUpToInstalled(usable * GIB)).toBe(installed * GIB);
  });

  test('rounding never takes away and adds at most an eighth, or 1 GiB', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2 ** 20, max: 2 ** 46 }), (usable) => {
        const installed = roundUpToInstalled(usable);
        expect(installed).toBeGreaterThanOrEqual(usable);
        expect(installed - usable).toBeLessThanOrEqual(Math.max(GIB, usable / 8));
      }),
    );
  });

  test('sizes in MiB, beyond 32 GiB, in KiB; empty slots and unknown sizes are none', () => {
    const table = smbiosTable([
      { mebibytes: 16_384, type: 26 },
      { mebibytes: 131_072, type: 34 },
      { mebibytes: 0, type: 2, sizeField: 0x8000 | 512 },
      { mebibytes: 0, type: 26 },
      { mebibytes: 0, type: 26, sizeField: 0xffff },
    ]);
    expect(memoryModules(table)).toMatchObject([
      { slot: 0, capacityBytes: 16 * GIB, type: 'DDR4', serial: '00000000' },
      { slot: 1, capacityBytes: 128 * GIB, type: 'DDR5', partNumber: '' },
      { slot: 2, capacityBytes: 512 * 1024, type: '' },
    ]);
  });

  test('a table that is cut or garbage gives what is whole, and always ends', () => {
    const table = smbiosTable(Array.from({ length: 8 }, () => ({ mebibytes: 65_536, type: 34 })));
    fc.assert(
      fc.property(fc.nat(table.length), (end) => {
        expect(memoryModules(table.subarray(0, end)).length).toBeLessThanOrEqual(8);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        for (const { capacityBytes } of memoryModules(Buffer.from(bytes)))
          expect(capacityBytes).toBeGreaterThan(0);
      }),
    );
  });
});

describe('fingerprints', () => {
  const UUID = '4C4C4544-0042-3510-8052-B4C04F504C32';
  const hostWith = async (files: Readonly<Record<string, string>>) => {
    const host = await emptyHost();
    await host.write(files);
    return host.paths;
  };
  const dmi = { 'sys/class/dmi/id/product_uuid': `${UUID}\n` };
  const machineId = { 'etc/machine-id': '3d1219c7c4c5404aaa1f6d2a48adfda4\n' };

  test('the same host is the same whatever order its GPUs come in; other GPUs are seen, the machine is recognised', async () => {
    const paths = await hostWith(dmi);
    const before = await hostFingerprints(paths, ['GPU-b', 'GPU-a']);
    expect(await hostFingerprints(paths, ['GPU-a', 'GPU-b'])).toEqual(before);
    const after = await hostFingerprints(paths, ['GPU-a', 'GPU-c']);
    expect(after.fingerprint).not.toBe(before.fingerprint);
    expect(after.machineFingerprint).toBe(before.machineFingerprint);
    expect(before.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  test('the DMI UUID wins over the machine id, in any case of its letters', async () => {
    const both = await hostFingerprints(await hostWith({ ...dmi, ...machineId }), []);
    const lower = { 'sys/class/dmi/id/product_uuid': UUID.toLowerCase() };
    expect(await hostFingerprints(await hostWith(lower), [])).toEqual(both);
  });

  test.each([
    '00000000-0000-0000-0000-000000000000',
    'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
    '03000200-0400-0500-0006-000700080009',
  ])('%s is many machines: the machine id stands in', async (placeholder) => {
    const paths = await hostWith({ 'sys/class/dmi/id/product_uuid': placeholder, ...machineId });
    expect(await hostFingerprints(paths, [])).toEqual(await hostFingerprints(await hostWith(machineId), []));
  });

  test('no identity at all is an error with the mend', async () => {
    await expect(hostFingerprints(await hostWith({ 'etc/machine-id': '\n' }), [])).rejects.toThrow(
      'systemd-machine-id-setup',
    );
  });
});
