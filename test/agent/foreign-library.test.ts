import { readdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { koffiBeside, openForeignLibrary } from '../../agent/foreign-library.ts';
import { readyValue } from './sensors/outcome.ts';

test('a library of this host is called through the first way that loads it', async () => {
  const library = readyValue(await openForeignLibrary(['libnone.so.9', 'libc.so.6']));
  const absolute = library.bind('abs', ['uint32']);
  expect(absolute?.(42)).toBe(42);
  const compare = library.bind('memcmp', ['buffer', 'buffer', 'uint64']);
  expect(compare?.(Buffer.from('same'), Buffer.from('same'), 4n)).toBe(0);
});

const hasNodeFfi = process.getBuiltinModule('node:ffi') !== undefined;

test.skipIf(!hasNodeFfi)(
  `node:ffi comes before koffi${hasNodeFfi ? '' : ' (skipped: this Node has no node:ffi)'}`,
  async () => {
    const library = readyValue(await openForeignLibrary(['libc.so.6']));
    expect(library.via).toBe('node:ffi');
  },
);

test('a symbol that the library lacks is null', async () => {
  const library = readyValue(await openForeignLibrary(['libc.so.6']));
  expect(library.bind('nvmlInit_v2', [])).toBeNull();
});

test('a host with no way to call a library is told the mend', async () => {
  expect(await openForeignLibrary(['libc.so.6'], [async () => null])).toEqual({
    state: 'failed',
    detail: 'this Node cannot call shared libraries: it has no node:ffi, and koffi is not installed',
    fix: 'install the agent with install.sh, which brings koffi, or run it on Node 26.1 or newer',
  });
});

test("koffi's native file alone is enough, beside an agent without packages", () => {
  const packages = `${process.cwd()}/node_modules/@koromix`;
  const [name] = readdirSync(packages).filter((one) => one.endsWith(`${process.platform}-${process.arch}`));
  const file = `${packages}/${name}/${process.platform}_${process.arch}/koffi.node`;
  const library = koffiBeside(pathToFileURL(file))?.load('libc.so.6');
  expect(library?.func('abs', 'int', ['uint32_t'])(42)).toBe(42);
  expect(koffiBeside(pathToFileURL('/nowhere/koffi.node'))).toBeNull();
});
