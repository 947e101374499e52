import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { brokenArrows } from './arrows.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

function sourcesOf(...folders: string[]): Map<string, string> {
  const paths = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|mjs)$/.test(name))
      .map((name) => `${folder}/${name}`),
  );
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

test('imports only point down', () => {
  const sources = sourcesOf('shared', 'agent', 'worker', 'deploy', 'bench');
  expect(sources.size).toBeGreaterThan(20);
  expect(brokenArrows(sources)).toEqual([]);
});

test.each([
  ['shared/a.ts', "import { readFileSync } from 'node:fs';", 'node:fs'],
  ['shared/a.ts', "import type { Env } from '../worker/env.ts';", 'worker/env.ts'],
  ['agent/a.ts', "export * from '../worker/env.ts';", 'worker/env.ts'],
  ['agent/a.ts', "const zod = await import('zod');", 'zod'],
  ['worker/storage/a.ts', "import { b } from '../use-cases/b.ts';", 'worker/use-cases/b.ts'],
  ['worker/use-cases/a.ts', "import { b } from '../routes/b.ts';", 'worker/routes/b.ts'],
  ['worker/routes/a.ts', "import fs from 'node:fs';", 'node:fs'],
  ['worker/dashboard/a.ts', "import { schema } from '../schema/schema.ts';", 'worker/schema/schema.ts'],
  ['worker/routes/a.ts', "import { clock } from '../../agent/clock.ts';", 'agent/clock.ts'],
  ['worker/routes/a.ts', "import { fake } from '../../test/fake.ts';", 'test/fake.ts'],
])('%s with %s is caught', (path, text, target) => {
  expect(brokenArrows(new Map([[path, text]]))).toEqual([`${path} must not import ${target}`]);
});

test('sensors do not import each other, but all may import their interface', () => {
  const sources = new Map([
    ['agent/sensors/list.ts', "import './sensor.ts'; import './a.ts'; import './b.ts';"],
    ['agent/sensors/sensor.ts', ''],
    ['agent/sensors/a.ts', "import './sensor.ts'; import './b.ts';"],
    ['agent/sensors/b.ts', "import './sensor.ts';"],
  ]);
  expect(brokenArrows(sources)).toEqual([
    'agent/sensors/a.ts must not import its sibling agent/sensors/b.ts',
  ]);
});

test('a cycle is caught', () => {
  const sources = new Map([
    ['shared/a.ts', "import './b.ts';"],
    ['shared/b.ts', "export { a } from './a.ts';"],
  ]);
  expect(brokenArrows(sources)).toEqual(['import cycle: shared/a.ts -> shared/b.ts -> shared/a.ts']);
});
