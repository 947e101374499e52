import { expect, test } from 'vitest';
import { retentionSettings } from '../../../shared/settings/retention.ts';
import { enqueueNotifications } from '../../../worker/storage/alert-outbox.ts';
import { Shards } from '../../../worker/storage/shards.ts';
import { bestForecasts, evaluateAlerts, NODES_PER_STEP } from '../../../worker/use-cases/alerts/run.ts';
import { deliverNotifications } from '../../../worker/use-cases/channels/deliver.ts';
import { makeForecasts } from '../../../worker/use-cases/grid-forecast-own.ts';
import { refreshForecasts } from '../../../worker/use-cases/grid-forecast-refresh.ts';
import { refreshGrid } from '../../../worker/use-cases/grid-refresh.ts';
import { rereadGrid } from '../../../worker/use-cases/grid-reread.ts';
import { countFleet } from '../../../worker/use-cases/pace-count.ts';
import { runRetention } from '../../../worker/use-cases/retention/run.ts';
import { runRollups } from '../../../worker/use-cases/rollup/run.ts';
import { notification } from '../channels/notification.ts';
import { expecting } from '../grid/expecting-provider.ts';
import { body, database, device, newNode, recentWindow, report, send, WINDOW_MS } from '../ingest/support.ts';
import { clockedApi } from '../support/clocked-api.ts';
import { host, newEnrolmentKey } from '../support/enrolment.ts';
import { ROUTES } from '../support/routes.ts';
import { type Recorded, recordingDatabase } from './recording-database.ts';

/** What may be read from end to end: small by its nature, or wanted whole. */
const MAY_BE_SCANNED = [
  { plan: /^SCAN nodes$/, of: /^SELECT number, id, hostname.* FROM nodes ORDER BY number$/, as: 'the fleet' },
  { plan: /^SCAN settings$/, of: /^select [^?]* from "settings" order by/, as: 'every place of every node' },
  { plan: /^SCAN sites USING COVERING INDEX/, of: /AS gridZone FROM sites$/, as: 'sites, not nodes' },
  {
    plan: /^SCAN s$/,
    of: /FROM grid_series s ((?:CROSS )?JOIN (grid_(values|revisions|forecasts)|json_each\(\?4\) AS instant)|WHERE s.grid_zone IN) /,
    as: 'tens of series',
  },
  { plan: /^SCAN grid_series$/, of: /grid_series/, as: 'tens of series' },
  {
    plan: /^SCAN grid_forecast_states$/,
    of: /grid_forecast_states/,
    as: 'eight rows per series that is forecast',
  },
  { plan: /^SCAN (replaced|brought)$/, of: /INSERT INTO changes/, as: 'the values of one request' },
  { plan: /^SCAN grid_fetches$/, of: /grid_fetches/, as: 'a row per provider and zone' },
  { plan: /^SCAN grid_services$/, of: /grid_services/, as: 'a row per service that has failed' },
  { plan: /^SCAN retention_tasks$/, of: /^SELECT task, /, as: 'eight rows' },
  {
    plan: /^SCAN (first|nodes)$/,
    of: /^INSERT INTO retention_tasks /,
    as: 'the fleet, once',
  },
  { plan: /^SCAN grid_rereads$/, of: /grid_rereads/, as: 'a row per provider, zone and age' },
  { plan: /^SCAN quarantine USING INDEX quarantine_open$/, of: /GROUP BY code/, as: 'what waits' },
  { plan: /^SCAN page$/, of: /FROM jobs WHERE number < /, as: 'a page of jobs, found by number' },
  { plan: /^SCAN (c|due|alert_channels)\b/, of: /alert_channels/, as: 'at most 50, and what is due' },
  {
    plan: /^SCAN alert_rules USING INDEX alert_rules_name_unique$/,
    of: /^SELECT name FROM alert_rules/,
    as: 'the rules',
  },
  {
    plan: /^SCAN alert_deliveries USING COVERING INDEX alert_deliveries_due$/,
    of: /NOT IN/,
    as: 'what waits',
  },
  { plan: /^SCAN nodes$/, of: /AS lastReportAtMs, .* ORDER BY nodes.number$/, as: 'the fleet' },
  { plan: /^SCAN nodes$/, of: /COUNT\(\*\) AS nodes/, as: 'the fleet, by cron' },
  { plan: /^SCAN alert_rules$/, of: /FROM alert_rules ORDER BY number$/, as: 'at most 1,000 rules' },
  { plan: /^SCAN alert_states$/, of: /FROM alert_states/, as: 'a row per rule' },
  { plan: /^SCAN alert_silences$/, of: /alert_silences/, as: 'at most 500' },
  { plan: /^SCAN alert_late_hours$/, of: /FROM alert_late_hours/, as: 'hours that changed late' },
  {
    plan: /^SCAN (rule USING INDEX alert_rules_name_unique|alert_episodes USING INDEX alert_episodes_open)$/,
    of: /COUNT\(\*\) AS firing/,
    as: 'at most 1,000 rules, and what is open of them',
  },
  {
    plan: /^SCAN (span|days|block|ran)$/,
    of: /rollup_marks/,
    as: 'days and blocks of the span that came with it, or on which the jobs ran',
  },
  {
    plan: /^SCAN (nodes USING COVERING INDEX|first)/,
    of: /rollup_(marks|state)/,
    as: 'the fleet, once, and when a figure changes',
  },
  { plan: /^SCAN settings$/, of: /rollup_marks/, as: 'who stood at a site whose lifetime changes' },
  { plan: /^SCAN rollup_groups$/, of: /rollup_groups/, as: 'sites times GPU models' },
];

test('every statement finds its rows by key, or reads a table that is small', async () => {
  const { nodeId, token } = await newNode('planned');
  await send(token, [report()]);
  const key = await newEnrolmentKey();
  const { database: recording, recorded } = recordingDatabase(database);
  const { call } = clockedApi(Date.now(), { DB: recording });

  for (const { method, path } of ROUTES) {
    const id = path.startsWith('/v1/sites') ? 'berlin' : path.startsWith('/v1/jobs') ? 'slurm:c:1' : nodeId;
    const url = path.replace(':id', id).replace(':gridZone', 'DE');
    if (method === 'GET') expect((await call('GET', url)).status).toBeLessThan(500);
  }
  const changes: [string, string, unknown, string?][] = [
    ['POST', '/v1/ingest', busyBody(), token],
    ['POST', '/v1/ingest', lateBody(), token],
    ['PUT', '/v1/grid/DE/intensity', ownSeries(100)],
    ['PUT', '/v1/grid/DE/intensity', ownSeries(200)],
    ['POST', '/v1/enroll', host('planned-new'), key],
    ['POST', '/v1/enroll', host('planned'), key],
    ['PATCH', `/v1/nodes/${nodeId}`, { labels: { a: 'b' } }],
    ['PATCH', '/v1/sites/berlin', { pueRatio: 1.3, embodiedLifetimeYears: 5 }],
    ['PATCH', `/v1/nodes/${nodeId}/parts/chassis`, { count: 0 }],
    ['GET', `/v1/nodes/${nodeId}/embodied?embodiedMethod=activeHours`, undefined],
    ['PUT', '/v1/hardware/l4', { kgCo2eq: 60, source: 'test' }],
    ['DELETE', '/v1/hardware/l4', undefined],
    ['PATCH', '/v1/jobs/slurm:c:1', { units: { token: 1 }, phase: 'eval' }],
    ['GET', '/v1/jobs?project=llm&phase=eval&user=a&from=2020-01-01T00:00:00Z', undefined],
    ['GET', '/v1/jobs/slurm:c:1/emissions?restarts=together', undefined],
    ['GET', '/v1/fleet/emissions?groupBy=job', undefined],
    ['GET', '/v1/fleet/counterfactual?gridZones=FR', undefined],
    ['GET', '/v1/nodes?filter=site:berlin,label.a:b', undefined],
    ['GET', '/v1/grid/greenest?gridZones=DE&durationMinutes=60', undefined],
    ['GET', '/v1/quarantine?resolution=all', undefined],
    [
      'POST',
      '/v1/alert-channels',
      { id: 'planned', type: 'slack', settings: { url: 'https://hooks.slack.com/a' } },
    ],
    ['PATCH', '/v1/alert-channels/planned', { enabled: true }],
    ['GET', '/v1/alert-channels/planned/deliveries', undefined],
    ['PUT', '/v1/alert-rules', { alertRules: RULES_OF_EVERY_KIND }],
    ['PUT', '/v1/alert-rules?dryRun=true', { alertRules: RULES_OF_EVERY_KIND }],
    ['POST', '/v1/silences', { comment: 'planned', endsAt: daysAgo(-1) }],
    ['GET', '/v1/alerts?state=open', undefined],
    ['GET', '/v1/alerts?state=open&ruleId=rule_1', undefined],
    ['GET', '/v1/alerts?ruleId=rule_1', undefined],
    ['POST', '/v1/periods', { from: daysAgo(3), to: daysAgo(2) }],
    ['GET', '/v1/periods/1', undefined],
    ['GET', '/v1/periods/open', undefined],
    ['GET', '/v1/changes?subject=site:berlin&what=pueRatio&from=2020-01-01T00:00:00Z', undefined],
    ['GET', `/v1/fleet/emissions?asOf=${daysAgo(1)}`, undefined],
    ['DELETE', `/v1/nodes/${nodeId}`, undefined],
  ];
  for (const [method, path, said, bearer] of changes) {
    const response = await call(method, path, said, bearer);
    expect(`${method} ${path} ${response.status}`).toMatch(/ 20\d$/);
  }
  await recording.batch(
    enqueueNotifications(recording, [notification({ channelIds: ['planned'] })], Date.now()),
  );
  await deliverNotifications({
    db: recording,
    now: Date.now,
    fetch: async () => new Response('', { status: 410 }),
    email: undefined,
    allowLoopback: false,
    publicUrl: null,
  });
  expect((await call('POST', '/v1/alert-channels/planned/deliveries/1/retry')).status).toBe(204);
  expect((await call('DELETE', '/v1/alert-channels/planned')).status).toBe(204);
  for (const nowMs of [Date.now(), Date.now() + 40 * HOUR_MS]) {
    await evaluateAlerts({
      shards: new Shards([recording]),
      nowMs,
      reportEverySeconds: 60,
      nodesPerStep: NODES_PER_STEP.paid,
      forecastsOf: (gridZones, atMs) => bestForecasts(recording, gridZones, atMs),
      enqueue: (notifications) => enqueueNotifications(recording, notifications, nowMs),
    });
  }
  expect((await call('PUT', '/v1/alert-rules', { alertRules: [] })).status).toBe(200);
  await countFleet(new Shards([recording]), { DB: recording }, Date.now());
  const grid = { db: recording, providers: [], fetch, nowMs: Date.now() };
  await refreshForecasts({ db: recording, providers: [expecting(100)], fetch, nowMs: Date.now() });
  await makeForecasts(recording, Date.now());
  await refreshGrid(grid);
  await rereadGrid(grid);

  const nextDay = Date.now() + 20 * HOUR_MS;
  // In parts, then by blocks.
  for (let turn = 0; turn < 3; turn++) await runRollups(recording, nextDay + turn, 0.5);
  for (let turn = 0; turn < 3; turn++) await runRollups(recording, nextDay + turn, 2_048);
  // By label where nodes fill more than a block.
  await database
    .prepare(
      `INSERT INTO nodes (number, id, hostname, labels, fingerprint, machine_fingerprint, enrolled_at_ms, simulated, agent_version)
       VALUES (100, 'hundredth', '', '{}', '', '', 0, 0, '0.1.0')`,
    )
    .run();
  for (let turn = 0; turn < 3; turn++) await runRollups(recording, nextDay + turn, 2_048);
  expect(recorded.some(({ sql }) => /WITH RECURSIVE\s+first\(day\)/.test(sql))).toBe(true);
  const later = clockedApi(nextDay, { DB: recording });
  const rolled = await later.call('GET', `/v1/fleet/emissions?from=${daysAgo(30)}&groupBy=gridZone`);
  expect(rolled.status).toBe(200);

  const spans = retentionSettings({ RETENTION_PLAN: 'free', RETENTION_HOURS_DAYS: '36' });
  for (const days of [3, 9, 45])
    await runRetention({
      db: recording,
      bucket: null,
      settings: { ...spans, packNodes: 64 },
      nowMs: Date.now() + days * 24 * HOUR_MS,
    });

  const scans = await scansOf(recorded);
  const isAllowed = ({ plan, sql }: Scan) =>
    MAY_BE_SCANNED.some((allowed) => allowed.plan.test(plan) && allowed.of.test(sql));
  expect(scans.filter((scan) => !isAllowed(scan))).toEqual([]);
  const isUsed = (allowed: (typeof MAY_BE_SCANNED)[number]) =>
    scans.some(({ plan, sql }) => allowed.plan.test(plan) && allowed.of.test(sql));
  expect(MAY_BE_SCANNED.filter((allowed) => !isUsed(allowed))).toEqual([]);
});

const HOUR_MS = 3_600_000;

const RULES_OF_EVERY_KIND = [
  { kind: 'dirtyHours', name: 'a', aboveGramsPerKwh: 300 },
  { kind: 'dirtyHoursAhead', name: 'b', filter: 'project:llm' },
  { kind: 'budget', name: 'c', budgetGrams: 1, period: 'day', emissions: 'total' },
  { kind: 'waste', name: 'd', aboveIdlePowerWatts: 1 },
  { kind: 'health', name: 'e', check: 'nodeSilent' },
  { kind: 'health', name: 'f', check: 'gridDataStale' },
];

interface Scan {
  readonly plan: string;
  readonly sql: string;
}

async function scansOf(recorded: readonly Recorded[]): Promise<Scan[]> {
  const bySql = new Map(recorded.map((each) => [each.sql.replaceAll(/\s+/g, ' ').trim(), each]));
  const scans: Scan[] = [];
  for (const [sql, { sql: asWritten, values }] of bySql) {
    const { results } = await database
      .prepare(`EXPLAIN QUERY PLAN ${asWritten}`)
      .bind(...values)
      .all<{ detail: string }>();
    for (const { detail: plan } of results) {
      // Values that came with the statement, and what was built from them.
      const isOwn = /VIRTUAL TABLE|CONSTANT ROW|^SCAN incoming|^SCAN \(subquery/.test(plan);
      if (plan.startsWith('SCAN') && !isOwn) scans.push({ plan, sql });
    }
  }
  return scans;
}

/** Changes, a new device, a job, something to set aside, an inventory and a state of health. */
function busyBody() {
  const part = { id: 'GPU-00000000-0000-4000-8000-000000000000', type: 'gpu', name: 'NVIDIA H100' };
  return body(
    [
      report({
        revision: 2,
        devices: [device({ energyMillijoules: 5 }), device({ id: 'new' })],
        jobs: [
          {
            id: 'slurm:c:1',
            devices: [{ id: 'new', energyMillijoules: 1, allocatedMilliseconds: 1 }],
          },
        ],
      }),
      report({ windowStartMs: recentWindow(1), devices: [device({ energyMillijoules: 2 ** 44 })] }),
    ],
    {
      inventory: { hostname: 'planned', kernel: '', productName: '', parts: [part] },
      health: {
        sensors: [],
        spoolBytes: 0,
        spoolReports: 0,
        droppedSeries: 0,
        droppedReports: 0,
        damagedRecords: 0,
      },
    },
  );
}

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();

/** An hour that had settled. */
function lateBody() {
  return body([report({ windowStartMs: recentWindow(60) })]);
}

function ownSeries(gramsPerKwh: number) {
  const start = new Date(recentWindow()).toISOString();
  const end = new Date(recentWindow() + 2 * WINDOW_MS).toISOString();
  return {
    basis: 'lifecycle',
    signal: 'average',
    scope: 'consumption',
    points: [{ start, end, gramsPerKwh }],
  };
}
