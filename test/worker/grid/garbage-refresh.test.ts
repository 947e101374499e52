/** Garbage from every provider, all the way: through the job that fetches into a real D1, to reports and figures. */
import { beforeAll, expect, test } from 'vitest';
import { readFetches } from '../../../worker/storage/grid-fetches.ts';
import { refreshGrid } from '../../../worker/use-cases/grid-refresh.ts';
import { ask, clock, database, newNode } from '../emissions/support.ts';
import { afterLogin, anyGarbage, cases, type GarbageCase, NOON, shapedGarbage, text } from './garbage.ts';
import { type Answer, fetchOf } from './recorded.ts';

const HOUR_MS = Date.parse(`${NOON}Z`);
const NOW_MS = HOUR_MS + 3_600_000;

beforeAll(() => {
  clock.nowMs = NOW_MS;
});

const GARBAGE = ({ reply, takes = [] }: GarbageCase): [string, Answer][] => [
  ...Object.entries(anyGarbage),
  ...Object.entries(shapedGarbage)
    .filter(([name]) => !takes.includes(name))
    .map(([name, fields]): [string, Answer] => [name, afterLogin(text(reply(fields)))]),
];

const valuesStored = () =>
  database.prepare('SELECT count(*) AS count FROM grid_values').first<{ count: number }>();

/** One kWh in the hour from noon; later revisions replace it. */
const report = (token: string, revision: number) =>
  ask<{ accepted: number; unchanged: number }>(
    'POST',
    '/v1/ingest',
    {
      version: 1,
      sentAtMs: NOW_MS,
      agentVersion: '0.1.0',
      reports: Array.from({ length: 12 }, (_, i) => ({
        windowStartMs: HOUR_MS + i * 300_000,
        epoch: 'epoch0001',
        revision,
        final: true,
        devices: [
          {
            id: 'GPU-0',
            type: 'gpu',
            name: 'NVIDIA H100 80GB HBM3',
            meteredMilliseconds: 300_000,
            energyMillijoules: 210_000_000,
            kind: 'counter',
          },
        ],
        jobs: [],
      })),
    },
    token,
  );

test.each(cases.map((one) => [one.provider.name, one] as const))(
  'no garbage from %s reaches a figure or blocks a report',
  async (name, one) => {
    const { provider, gridZone } = one;
    // The zones of the providers before would be asked for first.
    await database.batch(
      ['grid_values', 'settings'].map((table) => database.prepare(`DELETE FROM ${table}`)),
    );
    await ask('POST', '/v1/sites', { id: name, gridZone, pueRatio: 1 });
    const { nodeId, token } = await newNode(name, name);
    await report(token, 1);
    const figure = () =>
      ask(
        'GET',
        `/v1/nodes/${nodeId}/emissions?from=${NOON}:00Z&to=2026-01-20T13:00:00Z&basis=${provider.basis}&signal=${provider.signal}`,
      );
    const before = await figure();

    const garbage = GARBAGE(one);
    expect(garbage.length).toBeGreaterThan(20);
    for (const [kind, answer] of garbage) {
      await database.prepare('DELETE FROM grid_fetches').run();
      const { fetch } = fetchOf(answer);
      const results = await refreshGrid({ db: database, providers: [provider], fetch, nowMs: NOW_MS });
      const result = results.find((of) => of.gridZone === gridZone);
      expect([kind, result?.outcome, result?.written]).toEqual([
        kind,
        expect.stringMatching(/^(failed|noData|rateLimited)$/),
        0,
      ]);
      const state = (await readFetches(database)).find((row) => row.gridZone === gridZone);
      expect([kind, state?.lastError]).toEqual([kind, expect.stringMatching(/./)]);
    }
    expect(await valuesStored()).toEqual({ count: 0 });
    expect(await figure()).toEqual(before);
    expect(await report(token, 2)).toMatchObject({ accepted: 12 });

    // The test would see a value: the good reply changes the figure.
    await database.prepare('DELETE FROM grid_fetches').run();
    const { fetch } = fetchOf(afterLogin(text(one.reply({}))));
    await refreshGrid({ db: database, providers: [provider], fetch, nowMs: NOW_MS });
    expect((await valuesStored())!.count).toBeGreaterThan(0);
    expect(await figure()).not.toEqual(before);
  },
);
