import { chmod } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { createDropFileSource } from '../../../agent/jobs/drop-files/drop-file-source.ts';
import { parseDropFile } from '../../../agent/jobs/drop-files/parse-drop-file.ts';
import { epochMs } from '../../../shared/units.ts';
import { emptyHost } from '../sensors/host-tree.ts';
import { asNobody, METERS, readySightings } from './support.ts';

const NOW_SECONDS = 1_764_000_000;
const clock = { wallNow: () => epochMs(NOW_SECONDS * 1000) };

async function folderOf(files: Readonly<Record<string, string>>) {
  const host = await emptyHost();
  for (const [name, text] of Object.entries(files)) await host.write({ [`jobs/${name}`]: text });
  return createDropFileSource({ folder: `${host.root}/jobs`, clock });
}

test('no folder is absent, an empty one has no jobs and vouches for nothing', async () => {
  const source = await folderOf({});
  expect(await source.look(METERS)).toMatchObject({ state: 'absent' });
  expect(await readySightings(await folderOf({ 'README.txt': 'not one' }))).toEqual({
    jobs: [],
    vouches: false,
  });
});

test('a job with everything, and one with nothing but its name', async () => {
  const { jobs } = await readySightings(
    await folderOf({
      'a.json': JSON.stringify({
        scheduler: 'pbs',
        cluster: 'c1',
        job: 4711,
        restart: 1,
        user: 'ada',
        project: 'nlp',
        phase: 'eval',
        gpus: ['0', 'GPU-x'],
        cores: 16,
        until: NOW_SECONDS + 60,
      }),
      'b.json': '{"job":"sweep/7"}',
    }),
  );
  expect(jobs).toMatchObject([
    {
      scheduler: 'pbs',
      cluster: 'c1',
      job: '4711',
      restart: '1',
      user: 'ada',
      project: 'nlp',
      phase: 'eval',
      gpus: ['0', 'GPU-x'],
      cores: 16,
    },
    { scheduler: 'job', cluster: null, job: 'sweep/7', restart: null, user: null, gpus: null, cores: null },
  ]);
});

test('of Slurm it numbers GPUs by their device files', async () => {
  const { jobs } = await readySightings(
    await folderOf({ 'a.json': '{"scheduler":"slurm","job":"1","gpus":"0,2-3"}' }),
  );
  expect(jobs[0]!.gpus).toEqual(['minor:0', 'minor:2', 'minor:3']);
});

test('a file that outlives its job is left out and told', async () => {
  const source = await folderOf({
    'late.json': JSON.stringify({ job: 'late', until: NOW_SECONDS - 500 }),
    'old.json': JSON.stringify({ job: 'old', until: NOW_SECONDS - 700 }),
  });
  const outcome = await source.look(METERS);
  expect(outcome).toMatchObject({ detail: expect.stringContaining('old.json is left over') });
  expect((await readySightings(source)).jobs.map(({ job }) => job)).toEqual(['late']);
});

test('what cannot be used is told by file, and the others count', async () => {
  const source = await folderOf({
    'bad.json': '{"job":"x y"}',
    'good.json': '{"job":"x"}',
    'huge.json': JSON.stringify({ job: 'x', user: 'u'.repeat(20_000) }),
  });
  const { detail } = await source.look(METERS);
  expect(detail).toContain('bad.json "job" must be 1 to 100 letters');
  expect(detail).toContain('huge.json is longer than 16384 bytes');
  expect(await readySightings(source)).toMatchObject({
    jobs: [{ job: 'x' }],
    fix: expect.stringContaining('mend or remove'),
  });
});

test('more than 200 files are counted, not read', async () => {
  const files = Object.fromEntries(Array.from({ length: 203 }, (_, i) => [`${i}.json`, `{"job":"${i}"}`]));
  const source = await folderOf(files);
  expect((await readySightings(source)).jobs).toHaveLength(200);
  expect((await source.look(METERS)).detail).toContain('3 files beyond the first 200 are not read');
});

test('a folder that may not be read is told, with the fix', async () => {
  const host = await emptyHost();
  await host.write({ 'jobs/a.json': '{"job":"1"}' });
  await chmod(`${host.root}/jobs`, 0);
  const source = createDropFileSource({ folder: `${host.root}/jobs`, clock });
  const outcome = await asNobody(() => source.look(METERS));
  expect(outcome).toMatchObject({ state: 'noData', fix: `chmod 755 ${host.root}/jobs` });
  await chmod(`${host.root}/jobs`, 0o755);
});

describe('a field that is wrong is named', () => {
  test.each([
    ['{', /not valid JSON/],
    ['[]', /one JSON object/],
    ['{}', /"job" is missing/],
    ['{"job":""}', /"job" is missing/],
    ['{"job":{}}', /"job" must be a text/],
    ['{"job":"a:b"}', /"job" must be 1 to 100/],
    ['{"job":"1","scheduler":"a b"}', /"scheduler" must be/],
    ['{"job":"1","gpu":"0"}', /"gpu" is no field/],
    ['{"job":"1","gpus":7}', /"gpus" must be "all"/],
    ['{"job":"1","gpus":[{}]}', /"gpus" must be "all"/],
    ['{"job":"1","cores":-1}', /"cores" must be a whole number/],
    ['{"job":"1","cores":"many"}', /"cores" must be a whole number/],
    [`{"job":"1","phase":"${'x'.repeat(65)}"}`, /"phase" must be at most 64/],
  ])('%s', (text, message) => {
    expect(() => parseDropFile(text)).toThrow(message);
  });

  test('what a shell leaves empty counts as left out, an empty list of GPUs as none', () => {
    const empty = '{"job":"1","user":"","cores":"","until":"","restart":"","gpus":""}';
    expect(parseDropFile(empty)).toMatchObject({
      user: null,
      cores: null,
      until: null,
      restart: null,
      gpus: [],
    });
  });
});
