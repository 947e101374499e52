import { expect, test } from 'vitest';
import { identityCheck } from '../../../agent/doctor/identity-check.ts';
import { emptyHost } from '../sensors/host-tree.ts';

const UUID = 'sys/class/dmi/id/product_uuid';
const MACHINE_ID = { 'etc/machine-id': '0123456789abcdef0123456789abcdef\n' };
const PLACEHOLDER = { [UUID]: '03000200-0400-0500-0006-000700080009\n' };

async function checkOf(files: Readonly<Record<string, string>>, gpus: number) {
  const host = await emptyHost();
  await host.write(files);
  return identityCheck(host.paths, gpus);
}

test('a DMI UUID of its own is all that is asked for', async () => {
  const files = { [UUID]: '4c4c4544-0051-4810-8052-b4c04f4e4b32\n', ...MACHINE_ID };
  expect(await checkOf(files, 8)).toMatchObject({ result: 'ok', detail: 'known by its DMI UUID and 8 GPUs' });
});

test.each([
  [
    MACHINE_ID,
    0,
    'since the DMI UUID is not readable; a copy of its disk with the same host name is taken for it',
  ],
  [{ ...MACHINE_ID, ...PLACEHOLDER }, 0, 'since the DMI UUID is a placeholder; a copy of its disk'],
  [MACHINE_ID, 1, 'known by /etc/machine-id and 1 GPU'],
  [MACHINE_ID, 1, 'has other GPUs and is told apart'],
])('%j and %i GPUs: a note that says what a copy of it would be', async (files, gpus, detail) => {
  expect(await checkOf(files, gpus)).toMatchObject({
    result: 'note',
    detail: expect.stringContaining(detail),
  });
});

test('a host that is known by nothing needs a hand', async () => {
  expect(await checkOf(PLACEHOLDER, 0)).toMatchObject({ result: 'problem', fix: 'systemd-machine-id-setup' });
});
