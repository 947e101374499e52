/** A node's own token and the grid: its own zone, wherever it stands now, and nothing else. */
import { beforeAll, expect, test } from 'vitest';
import type { EnrollReply } from '../../../shared/wire/ingest.ts';
import { api, call, refusal } from '../support/api.ts';
import { enrol, ensureSite, host, newEnrolmentKey } from '../support/enrolment.ts';

let node: EnrollReply;
const asked = (path: string) => call('GET', path, undefined, { token: node.token });

beforeAll(async () => {
  await ensureSite('paris', 'FR');
  node = await enrol(await newEnrolmentKey(), host('own-zone'));
});

test('greenest, forecast and intensity of its own zone are answered', async () => {
  for (const path of [
    '/v1/grid/greenest?durationMinutes=60',
    '/v1/grid/greenest?durationMinutes=60&gridZones=DE',
    '/v1/grid/DE/forecast',
    '/v1/grid/DE/intensity',
  ])
    expect({ path, status: (await asked(path)).status }).toEqual({ path, status: 200 });
});

test('without a zone it is asked about its own one alone', async () => {
  const answer = await (await asked('/v1/grid/greenest?durationMinutes=60')).json<{
    zones: { gridZone: string }[];
    excluded: { gridZone: string }[];
  }>();
  expect([...answer.zones, ...answer.excluded].map(({ gridZone }) => gridZone)).toEqual(['DE']);
});

test.each([
  '/v1/grid/FR/forecast',
  '/v1/grid/FR/intensity',
  '/v1/grid/greenest?durationMinutes=60&gridZones=FR',
  '/v1/grid/greenest?durationMinutes=60&gridZones=DE,FR',
  '/v1/grid/greenest?durationMinutes=60&gridZones=DE&gridZones=FR',
  '/v1/grid/DE/revisions',
  '/v1/grid/zones',
  '/v1/grid/DE/trust',
  '/v1/fleet/emissions',
])('%s is refused', async (path) => {
  expect(await refusal(await asked(path))).toEqual({ status: 403, code: 'forbidden_scope' });
});

test('it follows the node to another site', async () => {
  await api('PATCH', `/v1/nodes/${node.nodeId}`, { site: 'paris' });
  expect((await asked('/v1/grid/FR/intensity')).status).toBe(200);
  expect(await refusal(await asked('/v1/grid/DE/intensity'))).toMatchObject({ status: 403 });
});

test('a node of a retired host is nobody', async () => {
  await api('DELETE', `/v1/nodes/${node.nodeId}`);
  expect((await asked('/v1/grid/FR/intensity')).status).toBe(401);
});
