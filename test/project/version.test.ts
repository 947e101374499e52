import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { AGENT_VERSION } from '../../agent/version.ts';
import { VERSION } from '../../worker/http/version.ts';

test('agent and Worker tell the version of the package', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect([AGENT_VERSION, VERSION]).toEqual([version, version]);
});
