import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { deploy } from '../../deploy/cloudflare/deploy.ts';
import { parseOptions } from '../../deploy/cloudflare/options.ts';
import { askIn } from '../../deploy/cloudflare/terminal.ts';
import { createWrangler } from '../../deploy/cloudflare/wrangler.ts';
import { renderConfig } from '../../deploy/cloudflare/wrangler-config.ts';
import { CommandError } from '../../deploy/command-error.ts';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const accountProgram = fileURLToPath(new URL('account.mjs', import.meta.url));

interface Deployed {
  secrets: Record<string, string>;
  vars: Record<string, string>;
  deployed: number;
  archive?: string;
}

interface Account {
  loggedIn: boolean;
  refusesDeploy?: boolean;
  databases: { name: string; uuid: string; options: string[] }[];
  buckets: string[];
  workers: Record<string, Deployed>;
  migrated: string[];
  asked: string[];
}

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wattshed-deploy-'));
  write({ loggedIn: true, databases: [], buckets: [], workers: {}, migrated: [], asked: [] });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (account: Account) => writeFileSync(join(folder, 'account'), JSON.stringify(account));
const read = (): Account => JSON.parse(readFileSync(join(folder, 'account'), 'utf8')) as Account;

async function run(
  args: readonly string[] = [],
  { env = {}, answers = null }: { env?: NodeJS.ProcessEnv; answers?: Record<string, string> | null } = {},
) {
  const options = parseOptions(['--data', join(folder, 'data'), ...args]);
  if (options === 'help') throw new Error('no help was asked for');
  const said: string[] = [];
  const asked: string[] = [];
  await deploy(options, {
    root,
    env,
    wrangler: createWrangler(accountProgram, root, { TEST_ACCOUNT: join(folder, 'account') }),
    say: (line) => said.push(line),
    ask:
      answers &&
      (async (question) => {
        // A key is asked for by its name, a choice by its answers.
        const name = question.split(' (')[0]!;
        asked.push(name);
        return answers[name] ?? null;
      }),
  });
  return { said: said.join('\n'), asked };
}

test('from nothing: database, migrations, secrets and Worker, and the token stays here', async () => {
  const { said } = await run(['--name', 'lab', '--location', 'weur']);
  const account = read();
  expect(account.databases).toEqual([{ name: 'lab', uuid: 'uuid-of-lab', options: ['--location', 'weur'] }]);
  expect(account.migrated).toEqual(['uuid-of-lab']);
  const token = readFileSync(join(folder, 'data', 'admin-token'), 'utf8').trim();
  expect(statSync(join(folder, 'data', 'admin-token')).mode & 0o777).toBe(0o600);
  expect(account.workers.lab?.secrets.ADMIN_SECRET_SHA256).toMatch(/^[0-9a-f]{64}$/);
  expect(JSON.stringify(account)).not.toContain(token.split('_')[2]);
  expect(said).toContain('https://lab.somebody.workers.dev/');
  expect(said).not.toContain(token);
  expect(readdirSync(join(folder, 'data')).filter((name) => name.startsWith('secrets'))).toEqual([]);
});

test('again: nothing is made twice, the admin token stays the same', async () => {
  await run();
  const first = read();
  await run();
  const second = read();
  expect(second.databases).toEqual(first.databases);
  expect(second.workers.wattshed).toEqual({ ...first.workers.wattshed, deployed: 2 });
});

test('databases are made as many as asked for, each with its migrations, and bound ever after', async () => {
  await run(['--shards', '3']);
  expect(read().databases.map(({ name }) => name)).toEqual(['wattshed', 'wattshed-1', 'wattshed-2']);
  expect(read().migrated).toEqual(['uuid-of-wattshed', 'uuid-of-wattshed-1', 'uuid-of-wattshed-2']);
  await run();
  await run(['--shards', '2']);
  expect(read().databases).toHaveLength(3);
  const config = readFileSync(join(folder, 'data', 'wrangler.toml'), 'utf8');
  expect(config.match(/^binding = "DB(_\d)?"\ndatabase_name = .*\ndatabase_id = .*$/gm)).toEqual(
    ['', '-1', '-2'].map(
      (suffix, shard) =>
        `binding = "DB${shard === 0 ? '' : `_${shard}`}"\ndatabase_name = "wattshed${suffix}"\ndatabase_id = "uuid-of-wattshed${suffix}"`,
    ),
  );
});

test('the bucket of the archive is made when asked for, and bound ever after', async () => {
  const first = await run();
  expect(read().buckets).toEqual([]);
  expect(first.said).toContain('archive     none');
  await run(['--archive']);
  await run(['--archive']);
  expect(read().buckets).toEqual(['wattshed-archive']);
  await run();
  expect(read().workers.wattshed?.archive).toBe('wattshed-archive');
});

test('keys come from the environment; a person is asked only for those that the Worker lacks', async () => {
  const first = await run([], { env: { EIA_API_KEY: 'from-env' }, answers: { ENTSOE_TOKEN: 'typed' } });
  expect(first.asked).not.toContain('EIA_API_KEY');
  expect(read().workers.wattshed?.secrets).toMatchObject({ EIA_API_KEY: 'from-env', ENTSOE_TOKEN: 'typed' });
  const second = await run([], { answers: {} });
  expect(second.asked).not.toContain('ENTSOE_TOKEN');
  expect(second.asked).toContain('WATTTIME_USER');
  expect(read().workers.wattshed?.secrets).toMatchObject({ EIA_API_KEY: 'from-env', ENTSOE_TOKEN: 'typed' });
});

const PLAN = 'free or paid';
const ARCHIVE = 'yes or no';
const choicesIn = (asked: readonly string[]) => asked.filter((question) => question.includes(' or '));

test('the first deployment asks for plan and archive, and the next ones know', async () => {
  const first = await run([], { answers: { [PLAN]: 'paid', [ARCHIVE]: 'Y' } });
  expect(choicesIn(first.asked)).toEqual([PLAN, ARCHIVE]);
  expect(first.said).toContain('nothing ever leaves the database');
  expect(first.said).toContain('archive     wattshed-archive made');
  const second = await run([], { answers: {} });
  expect(choicesIn(second.asked)).toEqual([]);
  await run();
  expect(read().workers.wattshed).toMatchObject({
    vars: { RETENTION_PLAN: 'paid' },
    archive: 'wattshed-archive',
    deployed: 3,
  });
  // As an option it is remembered the same way.
  await run(['--plan', 'free', '--name', 'lab'], { answers: {} });
  await run(['--name', 'lab']);
  expect(read().workers.lab).toMatchObject({ vars: { RETENTION_PLAN: 'free' }, deployed: 2 });
});

test('no is remembered as well, and an answer that is none is asked for again', async () => {
  const given = ['gratis', 'free'];
  const answers = {
    get [PLAN]() {
      return given.shift()!;
    },
  };
  const { asked, said } = await run([], { answers });
  expect(choicesIn(asked)).toEqual([PLAN, PLAN]);
  expect(said).toContain('archive     none: old days are cut');
  expect(read().workers.wattshed?.vars).toEqual({ RETENTION_PLAN: 'free' });
  const paid = await run(['--name', 'lab', '--plan', 'paid'], { answers: { [ARCHIVE]: 'no' } });
  expect(choicesIn(paid.asked)).toEqual([ARCHIVE]);
  const again = await run(['--name', 'lab'], { answers: {} });
  expect(choicesIn(again.asked)).toEqual([]);
  expect(read().buckets).toEqual([]);
});

test('a first deployment that broke off asks for no more than it lacks', async () => {
  write({ ...read(), refusesDeploy: true });
  await expect(run([], { answers: { [PLAN]: 'paid', [ARCHIVE]: 'yes' } })).rejects.toThrow();
  write({ ...read(), refusesDeploy: false });
  const { asked } = await run([], { answers: { [PLAN]: 'paid' } });
  expect(choicesIn(asked)).toEqual([PLAN]);
  expect(read().workers.wattshed?.archive).toBe('wattshed-archive');
});

test('where nobody can be asked, what is assumed is said', async () => {
  const { said } = await run();
  expect(said).toMatch(/^plan {8}paid, since nobody said \(--plan free/m);
  expect(said).toMatch(/^archive {5}none: nothing ever leaves the database; .*\(--archive makes one\)$/m);
  expect(read().workers.wattshed?.vars).toEqual({});
});

test('an archive on the free plan is refused before anything is made', async () => {
  await expect(run(['--archive'], { answers: { [PLAN]: 'free' } })).rejects.toThrow(/200 ms of CPU/);
  expect(read()).toMatchObject({ databases: [], buckets: [], workers: {} });
  // One that is there stays bound: days in it are answered from it.
  await run(['--archive', '--plan', 'paid']);
  const { said } = await run(['--plan', 'free']);
  expect(said).toContain('wattshed-archive is there, but a run of the free plan has no CPU to write to it');
  expect(read().workers.wattshed?.archive).toBe('wattshed-archive');
});

test('a person who ends the input in place of an answer is not waited for', async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const ask = askIn(input, output);
  const answered = ask('Yes or no');
  input.write('  yes \n');
  expect(await answered).toBe('yes');
  const left = ask('Yes or no');
  input.write('\n');
  expect(await left).toBeNull();
  const ended = ask('Yes or no');
  input.end();
  await expect(ended).rejects.toThrow(CommandError);
});

test('not logged in: one sentence with the fix, and nothing is made', async () => {
  write({ ...read(), loggedIn: false });
  await expect(run()).rejects.toThrow(/npx wrangler login/);
  expect(existsSync(join(folder, 'data', 'admin-token'))).toBe(false);
  expect(read().asked).toEqual([]);
});

test('what Cloudflare refuses is told in its own words, and no secret is left behind', async () => {
  write({ ...read(), refusesDeploy: true });
  await expect(run()).rejects.toThrow(/allows no more scripts/);
  expect(readdirSync(join(folder, 'data')).filter((name) => name.startsWith('secrets'))).toEqual([]);
});

test('the configuration is the one of the repository, with its own name and absolute paths', () => {
  const text = renderConfig(
    root,
    { name: 'lab', reportEverySeconds: 300, plan: 'free', jurisdiction: 'eu' },
    [{ name: 'lab', binding: 'DB', databaseId: 'an-id' }],
    'lab-archive',
  );
  expect(text).toContain(`main = "${root}/worker/index.ts"`);
  expect(text).toContain('database_id = "an-id"');
  expect(text).toContain('REPORT_EVERY_SECONDS = "300"');
  expect(text).toContain('RETENTION_PLAN = "free"');
  expect(text).toContain('bucket_name = "lab-archive"\njurisdiction = "eu"');
  expect(text).toContain('crons = ["* * * * *", "*/2 * * * *", "1-59/2 * * * *"]');
});

test.each([
  [['--name', 'No Spaces'], /--name/],
  [['--location', 'mars'], /weur, eeur/],
  [['--report-every', '5'], /10 to 3600/],
  [['--plan', 'free', '--archive'], /free plan ends a run\nafter 10/],
  [['--nonsense'], /--help lists the options/],
])('%j is refused with the fix', (args, message) => {
  expect(() => parseOptions(args)).toThrow(CommandError);
  expect(() => parseOptions(args)).toThrow(message);
});
