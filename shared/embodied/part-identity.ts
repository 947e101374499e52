/** By which ids a part is known again, in another node or after a while: by those that no other part has. */

/**
 * `world`: no other part has it (UUIDs, registered names of disks). `maker`: a serial number, which no other part of the
 * same name has. `node`: a place, such as a slot or an address on the bus, which every node has.
 */
export type IdScope = 'world' | 'maker' | 'node';

const UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** Of GPUs: UUIDs as NVIDIA's and AMD's tools tell them, the serial that AMD's driver tells, and Gaudi's. */
const GPU_IDS = new RegExp(
  `^((gpu-|amd-)?${UUID}|amd-(0x)?[0-9a-f]{16}|[0-9]{2}p[0-9]-hl[0-9a-z]+(-[0-9a-z]+){5})$`,
  'i',
);
/** Of disks, as the kernel's `wwid` tells them: EUI-64, NAA, and NVMe's own. */
const DISK_NAMES = new RegExp(
  `^((eui|naa)\\.[0-9a-f]{16,32}|uuid\\.${UUID}|nvme\\.[0-9a-f]{4}(-[0-9a-f]+){3})$`,
  'i',
);
const SERIAL = /^[0-9a-z_-]{8,64}$/i;
const MODULE = /^dimm-(?!slot-|mc\d)(.*)$/i;

export function idScope(type: string, id: string): IdScope {
  switch (type) {
    case 'gpu':
      return GPU_IDS.test(id) && tellsApart(id.replace(/^(gpu|amd)-(0x)?/i, '')) ? 'world' : 'node';
    case 'ssd':
    case 'hdd':
      if (DISK_NAMES.test(id)) return tellsApart(id.slice(id.indexOf('.'))) ? 'world' : 'node';
      return isSerial(id) ? 'maker' : 'node';
    case 'dimm':
      return isSerial(MODULE.exec(id)?.[1] ?? '') ? 'maker' : 'node';
    default:
      return 'node';
  }
}

/** Four digits at least: disks of clouds and hypervisors are called `persistent-disk-0` or `QM00001` on every host. */
const isSerial = (text: string) =>
  SERIAL.test(text) && text.replace(/[^0-9]/g, '').length >= 4 && !/^0*1234/.test(text) && tellsApart(text);

/** What nobody filled in is one character over and over. */
const tellsApart = (text: string) => new Set(text.toLowerCase().replace(/[^0-9a-z]/g, '')).size >= 3;

/** Whether two nodes speak of one part. */
export function isSamePart(
  a: { readonly type: string; readonly id: string; readonly name: string },
  b: { readonly type: string; readonly id: string; readonly name: string },
): boolean {
  const scope = idScope(a.type, a.id);
  return scope !== 'node' && a.id === b.id && a.type === b.type && (scope === 'world' || a.name === b.name);
}
