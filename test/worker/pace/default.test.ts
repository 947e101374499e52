/** What a server was deployed with is what nodes were told, until they have heard of something shorter. */
import { env } from 'cloudflare:test';
import { expect, test } from 'vitest';
import type { Env } from '../../../worker/env.ts';
import { createShards } from '../../../worker/storage/shards.ts';
import { countFleet } from '../../../worker/use-cases/pace-count.ts';
import { body, newNode, report } from '../ingest/support.ts';
import { type ClockedApi, clockedApi } from '../support/clocked-api.ts';

const bindings = env as unknown as Env;
const MINUTE_MS = 60_000;
const HALF_HOURLY = { REPORT_EVERY_SECONDS: '1800' };
const startMs = Date.now();
const at = (minutes: number, extra: object = {}) => clockedApi(startMs + minutes * MINUTE_MS, extra);

async function nodeThatReports(hostname: string): Promise<(api: ClockedApi) => Promise<string>> {
  const { nodeId, token } = await newNode(hostname);
  const said = await at(0).call('POST', '/v1/ingest', body([report()]), token);
  expect(said.status).toBe(200);
  return async (api) =>
    (await (await api.call('GET', `/v1/nodes/${nodeId}`)).json<{ state: string }>()).state;
}

const changes = async (api: ClockedApi) => {
  const log = await api.call('GET', '/v1/changes?subject=fleet&what=reportEverySecondsDefault');
  return (await log.json<{ changes: object[] }>()).changes;
};

test('a server that is deployed with a shorter default than before', async () => {
  const state = await nodeThatReports('deployed-anew');
  const cron = (minutes: number, extra: object) =>
    countFleet(createShards(bindings), { ...bindings, ...extra }, startMs + minutes * MINUTE_MS);
  await cron(-5, HALF_HOURLY);
  expect(await state(at(20, HALF_HOURLY))).toBe('reporting');
  // Before cron has seen it, and after.
  expect(await state(at(20))).toBe('reporting');
  expect(await changes(at(20))).toEqual([]);
  await cron(21, {});
  expect(await changes(at(22))).toEqual([
    expect.objectContaining({
      who: 'server',
      from: 1_800,
      to: 60,
      why: 'The server was deployed with another.',
    }),
  ]);
  expect(await state(at(22))).toBe('reporting');
  await cron(23, {});
  expect(await changes(at(24))).toHaveLength(1);
  expect(await state(at(3 * 60))).toBe('silent');
});

test('a setting that is shorter than the default', async () => {
  const state = await nodeThatReports('set-over');
  const set = async (reportEverySeconds: number) =>
    expect((await at(1, HALF_HOURLY).call('PATCH', '/v1/settings', { reportEverySeconds })).status).toBe(200);
  await set(60);
  expect(await state(at(20, HALF_HOURLY))).toBe('reporting');
  // Which of several settings came last does not matter.
  await set(120);
  expect(await state(at(20, HALF_HOURLY))).toBe('reporting');
  expect(await state(at(3 * 60, HALF_HOURLY))).toBe('silent');
});
