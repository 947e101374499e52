/** Sums by label where jobs run on nodes of several databases: a job has one label, whichever of them it was said in. */
import { beforeAll, expect, test } from 'vitest';
import type { EnrollReply } from '../../../shared/wire/ingest.ts';
import { Shards } from '../../../worker/storage/shards.ts';
import { FleetWords } from '../../../worker/use-cases/rollup/labels.ts';
import { runRollups, TURN_NODE_HOURS } from '../../../worker/use-cases/rollup/run.ts';
import { type Answer, same } from '../rollup/support.ts';
import { recordingDatabase } from '../storage/recording-database.ts';
import { host } from '../support/enrolment.ts';
import { fleetOn, migrateAll, THREE } from './support.ts';

const HOUR_MS = 3_600_000;
const WINDOW_MS = 300_000;
const START_MS = Date.UTC(2026, 4, 4);
const NODES = 6;
const DAYS = 3;
const WIDE = 'slurm:c:wide';
const fleet = fleetOn(THREE, START_MS);
const shards = new Shards(THREE as [D1Database, ...D1Database[]]);
const tokens: string[] = [];
let revision = 1;

const iso = (ms: number) => new Date(ms).toISOString();
const RANGE = `from=${iso(START_MS)}&to=${iso(START_MS + DAYS * 24 * HOUR_MS)}`;
const QUESTIONS = [
  'groupBy=project&step=day',
  'groupBy=user',
  'groupBy=job',
  'filter=project:llm&groupBy=site',
  'filter=project:llm,user:ada',
];

/** One window in each of these hours: of the job that all nodes run, or of one of its own. */
async function tell(node: number, hours: readonly number[], words: object = {}): Promise<void> {
  const id = `GPU-${node}`;
  const energyMillijoules = 90_000_000 + node * 1_000;
  const reports = hours.map((hour) => {
    const share = { id, energyMillijoules: energyMillijoules - hour, allocatedMilliseconds: WINDOW_MS };
    const job =
      hour % 3 === 0
        ? { id: `slurm:c:own-${node}`, project: 'vision', user: 'bob' }
        : { id: WIDE, project: 'llm', user: 'ada' };
    return {
      windowStartMs: START_MS + hour * HOUR_MS,
      epoch: 'epoch0001',
      revision: revision++,
      final: true,
      devices: [
        {
          id,
          type: 'gpu',
          name: 'NVIDIA L4',
          kind: 'counter',
          meteredMilliseconds: WINDOW_MS,
          energyMillijoules,
        },
      ],
      jobs: [{ ...job, ...words, devices: [share] }],
    };
  });
  const body = { version: 1, sentAtMs: fleet.nowMs, agentVersion: '0.1.0', reports };
  await fleet.ask('POST', '/v1/ingest', body, tokens[node]!);
}

async function turn(): Promise<void> {
  fleet.nowMs += 120_000;
  for (let shard = 0; shard < shards.count; shard++)
    await runRollups(shards.at(shard), fleet.nowMs, TURN_NODE_HOURS.paid, { shards });
}

const answer = (question: string) => fleet.ask<Answer>('GET', `/v1/fleet/emissions?${RANGE}&${question}`);

async function expectSame(): Promise<void> {
  for (const question of QUESTIONS) {
    const told = await answer(question);
    // As of now: the join over every node and hour.
    const joined = await answer(`${question}&asOf=${iso(fleet.nowMs)}`);
    expect(told.hoursWaiting, question).toBe(0);
    for (const part of ['totals', 'groups', 'series'] as const) same(told[part], joined[part], question);
  }
}

const kwhOf = async (project: string) =>
  (await answer('groupBy=project')).groups.find(({ key }) => key === project)?.energyKwh;

beforeAll(async () => {
  await migrateAll();
  await fleet.ask('POST', '/v1/sites', { id: 'berlin', gridZone: 'DE', pueRatio: 1.2 });
  const points = Array.from({ length: DAYS * 24 }, (_, hour) => ({
    start: iso(START_MS + hour * HOUR_MS),
    end: iso(START_MS + (hour + 1) * HOUR_MS),
    gramsPerKwh: 300 + hour,
  }));
  await fleet.ask('PUT', '/v1/grid/DE/intensity', { basis: 'lifecycle', points });
  const wanted = { label: 'rack', site: 'berlin', maxUses: null };
  const { key } = await fleet.ask<{ key: string }>('POST', '/v1/enrolment-keys', wanted);
  // As if each database had a hundred nodes before these.
  const [first] = THREE;
  await first!
    .prepare(
      `INSERT INTO nodes (number, id, hostname, labels, fingerprint, machine_fingerprint, enrolled_at_ms, simulated, agent_version)
       VALUES (100, 'gone', '', '{}', '', '', 0, 0, '0.1.0')`,
    )
    .run();
  for (const shard of [1, 2])
    await first!
      .prepare(
        `INSERT INTO node_directory (number, id, hostname, fingerprint, machine_fingerprint, key_id, token_id, begun_at_ms, pending)
         VALUES (?1 + 0, 'gone-' || ?2, '', '', '', '', '', 0, 0)`,
      )
      .bind(shard * 2 ** 20 + 100, String(shard))
      .run();
  for (let node = 0; node < NODES; node++)
    tokens.push((await fleet.ask<EnrollReply>('POST', '/v1/enroll', host(`node-${node}`), key)).token);
  for (const table of ['nodes', 'node_directory'])
    await first!.prepare(`DELETE FROM ${table} WHERE id LIKE 'gone%'`).run();
  for (let day = 0; day < DAYS; day++) {
    fleet.nowMs = START_MS + (day + 1) * 24 * HOUR_MS;
    for (let node = 0; node < NODES; node++)
      await tell(
        node,
        Array.from({ length: 24 }, (_, hour) => day * 24 + hour),
      );
  }
  fleet.nowMs += 1_200_000;
});

test('are those of the join over every node', async () => {
  for (let i = 0; i < DAYS + 2; i++) await turn();
  for (const database of THREE) {
    const state = await database
      .prepare('SELECT labels_ready AS ready, (SELECT COUNT(*) FROM nodes) AS nodes FROM rollup_state')
      .first<{ ready: number; nodes: number }>();
    expect(state).toEqual({ ready: 1, nodes: 2 });
  }
  await expectSame();
});

test('a person names another project: it counts once the days are made anew, and until then the answer says so', async () => {
  const before = await kwhOf('llm');
  await fleet.ask('PATCH', `/v1/jobs/${WIDE}`, { project: 'speech' });
  const waiting = await answer('groupBy=project');
  expect(waiting.hoursWaiting).toBeGreaterThan(0);
  expect(waiting.groups.map(({ key }) => key)).toContain('llm');
  await turn();
  expect(await kwhOf('llm')).toBeUndefined();
  expect(await kwhOf('speech')).toBe(before);
  await expectSame();
  // What is told of places did not change.
  await fleet.ask('PATCH', `/v1/jobs/${WIDE}`, { project: null });
  expect((await answer('groupBy=site')).hoursWaiting).toBe(0);
  await turn();
  expect(await kwhOf('llm')).toBe(before);
});

test('what an agent says in one database holds in all', async () => {
  await tell(NODES - 1, [DAYS * 24 - 1], { project: 'speech' });
  await turn();
  expect(await kwhOf('llm')).toBeUndefined();
  await expectSame();
});

test('a job that another database knew first by another name is one job', async () => {
  await tell(0, [40], { id: 'slurm:c:late', project: 'llm' });
  await turn();
  fleet.nowMs += 60_000;
  await tell(1, [41], { id: 'slurm:c:late', project: 'other' });
  await turn();
  await expectSame();
  expect(await kwhOf('llm')).toBeUndefined();
});

test('and so is one that a third names as the first did', async () => {
  for (const [node, project] of ['llm', 'other', 'llm'].entries()) {
    await tell(node, [49 + node * 3], { id: 'slurm:c:later', project });
    await turn();
    fleet.nowMs += 60_000;
  }
  await expectSame();
});

test('counts of what a job made change no label', async () => {
  await fleet.ask('PATCH', `/v1/jobs/${WIDE}`, { units: { token: 5 } });
  const { database: first, recorded } = recordingDatabase(THREE[0]!);
  const recording = new Shards([first, THREE[1]!, THREE[2]!]);
  await runRollups(recording.at(0), fleet.nowMs, TURN_NODE_HOURS.paid, { shards: recording });
  expect(recorded.length).toBeGreaterThan(0);
  expect(recorded.filter(({ sql }) => /INSERT INTO rollup_node_days/.test(sql))).toEqual([]);
});

test('of each database it is asked once in a turn, however many follow it', async () => {
  await turn();
  const recorded = THREE.map(recordingDatabase);
  const recording = new Shards(recorded.map((each) => each.database) as [D1Database, ...D1Database[]]);
  const words = new FleetWords();
  for (let shard = 0; shard < recording.count; shard++)
    await runRollups(recording.at(shard), fleet.nowMs, TURN_NODE_HOURS.paid, { shards: recording, words });
  const asked = recorded.map((each) =>
    each.recorded.filter(({ sql }) => /FROM jobs WHERE number > /.test(sql)),
  );
  expect(asked.map(({ length }) => length)).toEqual([1, 1, 1]);
});
