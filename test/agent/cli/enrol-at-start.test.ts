/** `wattshed run` on a host that starts without a token. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startServer, type TestServer } from '../http/support.ts';
import { newToken } from '../relay/support.ts';
import { buildAgent, run, type Started, start } from './run-wattshed.ts';

let agent: string;
let folder: string;
let server: TestServer;
let keyFile: string;
let started: Started | null;
/** What the server says to enrolments, one after the other; the last one stays. */
let answers: ((response: ServerResponse) => void)[];

beforeAll(async () => {
  agent = await buildAgent();
});
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wattshed-start-'));
  keyFile = join(folder, 'key');
  started = null;
  writeFileSync(keyFile, `${await newToken('enroll')}\n`);
  server = await startServer((seen, response) => {
    if (seen.url !== '/v1/enroll') return void response.writeHead(404).end();
    return (answers.length > 1 ? answers.shift() : answers[0])!(response);
  });
});
afterEach(async () => {
  started?.child.kill('SIGKILL');
  await started?.ended;
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const json = (status: number, body: object) => (response: ServerResponse) => {
  response.writeHead(status, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify(body));
};

const settings = () => ({
  WATTSHED_URL: `http://127.0.0.1:${server.port}`,
  WATTSHED_STATE_DIR: join(folder, 'state'),
  WATTSHED_ENROLMENT_KEY_FILE: keyFile,
  WATTSHED_HOSTNAME: 'node-of-the-pod',
  WATTSHED_METRICS_LISTEN: 'off',
});

test('it enrols by itself, keeps its token, and does so once', async () => {
  const token = await newToken();
  answers = [json(200, { nodeId: 'pod', token, gridZone: 'DE', site: 'berlin' })];
  for (const life of [1, 2]) {
    started = start(agent, { args: ['run'], env: settings() });
    await started.said('as pod');
    started.child.kill('SIGTERM');
    expect({ life, ...(await started.ended) }).toMatchObject({ code: 0 });
  }
  const asked = server.seen.filter(({ url }) => url === '/v1/enroll');
  expect(asked).toHaveLength(1);
  expect(asked[0]!.headers.authorization).toBe(`Bearer ${readFileSync(keyFile, 'utf8').trim()}`);
  expect(JSON.parse(asked[0]!.body.toString())).toMatchObject({ hostname: 'node-of-the-pod', gpuIds: [] });
  expect(JSON.parse(readFileSync(join(folder, 'state/node.json'), 'utf8'))).toMatchObject({
    nodeId: 'pod',
    token,
  });
});

test('it asks again for as long as no server answers', async () => {
  const token = await newToken();
  answers = [
    json(503, { status: 503, code: 'overloaded', detail: 'Later.' }),
    json(200, { nodeId: 'pod', token, gridZone: 'DE', site: 'berlin' }),
  ];
  started = start(agent, { args: ['run'], env: settings() });
  await started.said('not enrolled yet: the server is overloaded');
  await started.said('as pod');
});

test('told to stop while it asks, it stops', async () => {
  answers = [json(500, { status: 500, code: 'internal_error', detail: 'Broken.' })];
  started = start(agent, { args: ['run'], env: settings() });
  await started.said('not enrolled yet');
  started.child.kill('SIGTERM');
  expect((await started.ended).code).toBe(0);
});

test('a key that is refused, missing or of no server ends it with what mends it', async () => {
  answers = [json(401, { status: 401, code: 'unauthenticated', detail: 'This enrolment key was revoked.' })];
  expect(await run(agent, { args: ['run'], env: settings() })).toMatchObject({
    code: 3,
    err: expect.stringContaining('create a new one (This enrolment key was revoked)'),
  });
  rmSync(keyFile);
  const missing = await run(agent, { args: ['run'], env: settings() });
  expect(missing).toMatchObject({
    code: 2,
    err: expect.stringContaining(`the key file ${keyFile} cannot be read`),
  });
  writeFileSync(keyFile, '');
  expect(await run(agent, { args: ['run'], env: settings() })).toMatchObject({ code: 2 });
  const { WATTSHED_URL: _, ...without } = settings();
  expect(await run(agent, { args: ['run'], env: without })).toMatchObject({ code: 2 });
});
