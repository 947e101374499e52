import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mayBeFound } from '../../../agent/sensors/find-program.ts';
import { emptyHost } from './host-tree.ts';

test('a program is looked for on PATH; one with a path, or without PATH, is left to the start', async () => {
  const host = await emptyHost();
  await host.write({ 'etc/bin/hl-smi': '' });
  const PATH = `/nonexistent:${join(host.root, 'etc/bin')}`;
  expect(mayBeFound('hl-smi', { PATH })).toBe(true);
  expect(mayBeFound('amd-smi', { PATH })).toBe(false);
  expect(mayBeFound('/nonexistent/amd-smi', { PATH })).toBe(true);
  expect(mayBeFound('amd-smi', {})).toBe(true);
});
