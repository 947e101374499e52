import { beforeAll, expect, test } from 'vitest';
import { api, call, refusal } from '../support/api.ts';
import { enrol, ensureSite, host, newEnrolmentKey } from '../support/enrolment.ts';

interface Node {
  readonly id: string;
  readonly site: string;
  readonly labels: Record<string, string>;
  readonly siteHistory: readonly { site: string; effectiveFrom: string }[];
}
interface Changed {
  readonly count: number;
  readonly nodes: string[];
  readonly dryRun: boolean;
}

const node = (id: string) => api<Node>('GET', `/v1/nodes/${id}`);
const change = (query: string, body: object) => api<Changed>('PATCH', `/v1/nodes?${query}`, body);
const FILTER = 'filter=site:hall-1,label.team:nlp';

beforeAll(async () => {
  await ensureSite('hall-2', 'FR');
  for (const [name, team] of [
    ['many-1', 'nlp'],
    ['many-2', 'nlp'],
    ['many-3', 'vision'],
  ] as const)
    await enrol(await newEnrolmentKey({ site: 'hall-1', labels: { team } }), host(name));
});

test('a dry run tells what the same request then changes, each node in the log', async () => {
  const body = { labels: { rack: 'r7', team: null }, site: 'hall-2', effectiveFrom: '2026-01-01T00:00:00Z' };
  const before = await Promise.all(['many-1', 'many-2', 'many-3'].map(node));
  const dry = await change(`${FILTER}&dryRun=true`, body);
  expect(dry).toEqual({ count: 2, nodes: ['many-1', 'many-2'], dryRun: true });
  expect(await Promise.all(['many-1', 'many-2', 'many-3'].map(node))).toEqual(before);

  expect(await change(FILTER, { ...body, why: 'hall 1 was emptied' })).toEqual({ ...dry, dryRun: false });
  for (const id of dry.nodes) {
    const changed = await node(id);
    expect(changed).toMatchObject({ site: 'hall-2', labels: { rack: 'r7' } });
    expect(changed.siteHistory.at(-1)).toMatchObject({
      site: 'hall-2',
      effectiveFrom: '2026-01-01T00:00:00.000Z',
    });
    const { changes } = await api<{ changes: { what: string; why: string; from: unknown }[] }>(
      'GET',
      `/v1/changes?subject=node:${id}`,
    );
    expect(changes.filter(({ why }) => why === 'hall 1 was emptied')).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ what: 'site', from: 'hall-1', to: 'hall-2' }),
        expect.objectContaining({ what: 'labels', from: { team: 'nlp' }, to: { rack: 'r7' } }),
      ]),
    );
  }
  expect(await node('many-3')).toEqual(before[2]);
  // Nothing is left there to change.
  expect(await change(FILTER, body)).toMatchObject({ count: 0, nodes: [] });
});

test('all or none: what one node cannot take is refused for every one', async () => {
  const labels = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`l${i}`, 'x']));
  const refused = await call('PATCH', '/v1/nodes?filter=node:many-3', { labels });
  expect(await refusal(refused)).toEqual({ status: 422, code: 'invalid_body', field: '/labels' });
  const noSite = await call('PATCH', '/v1/nodes?filter=node:many-3&dryRun=true', { site: 'nowhere' });
  expect(await refusal(noSite)).toEqual({ status: 422, code: 'invalid_body', field: '/site' });
  expect((await node('many-3')).labels).toEqual({ team: 'vision' });
});

test.each([
  ['', 'filter'],
  ['?filter=', 'filter'],
  ['?filter=planet:earth', 'filter'],
  ['?filter=site:hall-1&dryRun=maybe', 'dryRun'],
])('PATCH /v1/nodes%s is refused', async (query, field) => {
  const response = await call('PATCH', `/v1/nodes${query}`, { labels: { a: 'b' } });
  expect(await refusal(response)).toEqual({ status: 400, code: 'invalid_parameter', field });
});
