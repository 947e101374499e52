import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createCounterFile } from '../../../../agent/sensors/cpu/counter-file.ts';
import { emptyHost } from '../host-tree.ts';

test('tells what the file says now, and why where it cannot be read, and comes back with the file', async () => {
  const host = await emptyHost();
  const file = createCounterFile(join(host.root, 'sys/energy_uj'));
  onTestFinished(() => file.close());
  expect(file.read()).toEqual({ ok: false, code: 'ENOENT' });
  await host.write({ 'sys/energy_uj': '262143328849\n' });
  expect(file.read()).toEqual({ ok: true, text: '262143328849' });
  // A shorter number: nothing of the one before stays.
  await host.write({ 'sys/energy_uj': '17\n' });
  expect(file.read()).toEqual({ ok: true, text: '17' });
  expect(file.read()).toEqual({ ok: true, text: '17' });
  file.close();
  await rm(join(host.root, 'sys/energy_uj'));
  expect(file.read()).toEqual({ ok: false, code: 'ENOENT' });
});
