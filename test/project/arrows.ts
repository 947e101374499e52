/** The import arrows of the architecture as data, and a check of any set of files against them. */
import { posix } from 'node:path';
import { parseSync } from 'oxc-parser';

/** Path from the repository root -> source text. */
export type Sources = ReadonlyMap<string, string>;

interface Room {
  /** The room holds the files under this prefix; the first room that fits has the file. */
  readonly prefix: string;
  /** Prefixes of files that it may import beside its own. */
  readonly mayImport: readonly string[];
  /** Packages that it may import; those that end in `:` or `/` are prefixes. */
  readonly packages: readonly string[];
}

const WORKER_PACKAGES = [
  'hono',
  'hono/',
  '@hono/zod-openapi',
  'zod',
  'drizzle-orm',
  'drizzle-orm/',
  'hyparquet',
  'hyparquet-writer',
  'cloudflare:',
  // Workerd has it as Node does.
  'node:zlib',
];

/** From the top down; inside the Worker each room sees only those below it. */
const ROOMS: readonly Room[] = [
  { prefix: 'shared/', mayImport: [], packages: [] },
  { prefix: 'agent/', mayImport: ['shared/'], packages: ['node:', 'koffi', 'yaml'] },
  { prefix: 'deploy/', mayImport: ['shared/'], packages: ['node:', 'miniflare', 'esbuild'] },
  {
    prefix: 'bench/',
    mayImport: ['shared/', 'agent/', 'worker/', 'deploy/'],
    packages: ['node:', 'miniflare', 'esbuild', 'koffi', '@duckdb/node-api'],
  },
  { prefix: 'worker/dashboard/', mayImport: ['shared/'], packages: [] },
  { prefix: 'worker/schema/drizzle.config.ts', mayImport: [], packages: ['drizzle-kit'] },
  { prefix: 'worker/schema/', mayImport: ['shared/'], packages: WORKER_PACKAGES },
  ...below('worker/env.ts', []),
  ...below('worker/storage/', ['worker/schema/', 'worker/env.ts']),
  ...below('worker/grid/', ['worker/schema/', 'worker/env.ts']),
  ...below('worker/channels/', ['worker/schema/', 'worker/env.ts']),
  ...below('worker/http/', ['worker/storage/', 'worker/schema/', 'worker/env.ts']),
  ...below('worker/use-cases/', [
    'worker/http/',
    'worker/storage/',
    'worker/grid/',
    'worker/channels/',
    'worker/schema/',
    'worker/env.ts',
  ]),
  ...below('worker/jobs/', [
    'worker/use-cases/',
    'worker/http/',
    'worker/storage/',
    'worker/grid/',
    'worker/channels/',
    'worker/schema/',
    'worker/env.ts',
  ]),
  ...below('worker/routes/', [
    'worker/use-cases/',
    'worker/http/',
    'worker/storage/',
    'worker/grid/',
    'worker/channels/',
    'worker/schema/',
    'worker/env.ts',
  ]),
  // Entry points only wire, so they see everything of their side.
  { prefix: 'worker/', mayImport: ['shared/'], packages: WORKER_PACKAGES },
];

function below(prefix: string, rooms: readonly string[]): Room[] {
  return [{ prefix, mayImport: ['shared/', ...rooms], packages: WORKER_PACKAGES }];
}

/** Lists of like parts: what one list imports from its own folder must not import each other. */
const LISTS = [
  'agent/sensors/list.ts',
  'agent/jobs/list.ts',
  'worker/grid/list.ts',
  'worker/channels/list.ts',
  'worker/routes/register.ts',
  'worker/jobs/list.ts',
];

/** Every import that breaks an arrow, in words; empty where all hold. */
export function brokenArrows(sources: Sources): string[] {
  const all = new Map([...sources].map(([path, text]) => [path, importsOf(path, text)]));
  const imports = mapValues(all, (one) => one.map(({ target }) => target));
  const loaded = mapValues(all, (one) => one.filter(({ typeOnly }) => !typeOnly).map(({ target }) => target));
  const broken: string[] = [];
  for (const [path, targets] of imports) {
    const room = ROOMS.find((candidate) => path.startsWith(candidate.prefix));
    if (room === undefined) continue;
    for (const target of targets) {
      if (!isAllowed(room, target)) broken.push(`${path} must not import ${target}`);
    }
  }
  return [...broken, ...siblingImports(imports), ...cycles(loaded)];
}

function isAllowed(room: Room, target: string): boolean {
  const local = ROOMS.some((candidate) => target.startsWith(candidate.prefix)) || target.startsWith('test/');
  if (local) return [room.prefix, ...room.mayImport].some((prefix) => target.startsWith(prefix));
  return room.packages.some((name) =>
    name.endsWith(':') || name.endsWith('/') ? target.startsWith(name) : target === name,
  );
}

function siblingImports(imports: ReadonlyMap<string, readonly string[]>): string[] {
  return LISTS.flatMap((list) => {
    const folder = posix.dirname(list);
    const siblings = (imports.get(list) ?? []).filter((path) => posix.dirname(path) === folder);
    // The interface that every one of them is written against is no sibling.
    const isShared = (path: string) =>
      siblings.every((one) => one === path || imports.get(one)?.includes(path));
    return siblings.flatMap((path) =>
      (imports.get(path) ?? [])
        .filter((target) => siblings.includes(target) && !isShared(target))
        .map((target) => `${path} must not import its sibling ${target}`),
    );
  });
}

function cycles(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      found.push(`import cycle: ${[...trail.slice(start), path].join(' -> ')}`);
      return;
    }
    if (done.has(path)) return;
    for (const target of imports.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  return found;
}

interface Import {
  /** Path from the root, or the name of a package. */
  readonly target: string;
  /** Gone at run time: two files may know each other's types without needing each other to load. */
  readonly typeOnly: boolean;
}

/** What a file imports or re-exports, dynamic imports included. */
function importsOf(path: string, text: string): Import[] {
  const { module, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path} does not parse: ${errors[0]?.message}`);
  const found = [
    ...module.staticImports.map(({ moduleRequest, entries }) => ({
      specifier: moduleRequest.value,
      typeOnly: entries.length > 0 && entries.every((entry) => entry.isType),
    })),
    ...module.staticExports
      .flatMap((statement) => statement.entries)
      .map(({ moduleRequest, isType }) => ({ specifier: moduleRequest?.value ?? '', typeOnly: isType })),
    ...[...text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)].map((match) => ({
      specifier: match[1] ?? '',
      typeOnly: false,
    })),
  ];
  return found
    .filter(({ specifier }) => specifier !== '')
    .map(({ specifier, typeOnly }) => ({
      target: specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : specifier,
      typeOnly,
    }));
}

function mapValues<K, V, W>(map: ReadonlyMap<K, V>, change: (value: V) => W): Map<K, W> {
  return new Map([...map].map(([key, value]) => [key, change(value)]));
}
