/** A month of a fleet, written in bulk: a day of all nodes is one statement, each ledger one of some tens. */
import type { HourLedger } from '../../shared/ledger/hour.ts';
import { encodeHour } from '../../shared/ledger/hour-codec.ts';
import { contractKey, contractValue } from '../../shared/settings/supply-contracts.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import type { Database } from '../metered-site.ts';
import { generator } from '../row-layout/workload.ts';

export const START_MS = Date.UTC(2026, 5, 1);
const GPUS = 8;
const ZONES = ['PL', 'US-CAL-CISO'];
/** Different hours of each job; its nodes have one after the other. */
const PATTERNS = 8;
/** Nodes that one job has, and for how many days. */
const NODES_PER_JOB = 10;
const DAYS_PER_JOB = 3;
/** Hours of intensity, from a day before. */
const HOURS_OF_VALUES = 32 * 24;
const SERIES_KEYS = 2 ** 24;
const HOUR_KEYS = 2 ** 21;
const JOB_KEYS = 2 ** 20;

/** Jobs at a time; the next ones follow when their days are over. */
const jobsAtOnce = (nodes: number) => Math.ceil(nodes / NODES_PER_JOB);

export async function seed(
  db: Database,
  nodes: number,
  days: number,
  onDay: (day: number) => void,
): Promise<void> {
  const numbers = Array.from({ length: nodes }, (_, i) => i + 1);
  await seedPlaces(db, numbers);
  const atOnce = jobsAtOnce(nodes);
  const periods = Math.ceil((days + 1) / DAYS_PER_JOB);
  await seedJobs(db, numbers, periods, days);
  await db.prepare('CREATE TABLE bench_ledgers (pattern INTEGER PRIMARY KEY, ledger BLOB NOT NULL)').run();
  const write = ledgers();
  for (let period = 0; period < periods; period++) {
    const rows: [number, string][] = [];
    for (let job = period * atOnce + 1; job <= (period + 1) * atOnce; job++)
      for (let pattern = 0; pattern < PATTERNS; pattern++)
        rows.push([job * PATTERNS + pattern, write(job, pattern)]);
    for (let i = 0; i < rows.length; i += 400)
      await db
        .prepare(
          'INSERT INTO bench_ledgers (pattern, ledger) SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?1)',
        )
        .bind(JSON.stringify(rows.slice(i, i + 400)))
        .run();
    for (let day = period * DAYS_PER_JOB; day <= Math.min(days, (period + 1) * DAYS_PER_JOB - 1); day++) {
      await seedDay(db, numbers, { period, atOnce, day, hours: day < days ? 24 : 1 });
      onDay(day);
    }
  }
  await db.prepare('DROP TABLE bench_ledgers').run();
}

/** Of the last day, the hour that is not over. */
async function seedDay(
  db: Database,
  numbers: readonly number[],
  {
    period,
    atOnce,
    day,
    hours,
  }: { readonly period: number; readonly atOnce: number; readonly day: number; readonly hours: number },
): Promise<void> {
  const first = START_MS / HOUR_MS + day * 24;
  await db
    .prepare(
      `INSERT INTO node_hours (key, version, received_at_ms, ledger)
       SELECT node.value * ${HOUR_KEYS} + hour.value, 1, (hour.value + 1) * ${HOUR_MS}, ledger
       FROM json_each(?1) AS node, json_each(?2) AS hour
       JOIN bench_ledgers ON pattern = (1 + ?3 + node.value % ?4) * ${PATTERNS} + (node.value + hour.value) % ${PATTERNS}`,
    )
    .bind(
      JSON.stringify(numbers),
      JSON.stringify(Array.from({ length: hours }, (_, hour) => first + hour)),
      period * atOnce,
      atOnce,
    )
    .run();
}

/** Jobs of ten nodes each, one after the other on the same nodes. */
async function seedJobs(
  db: Database,
  numbers: readonly number[],
  periods: number,
  days: number,
): Promise<void> {
  const atOnce = jobsAtOnce(numbers.length);
  const jobs = Array.from({ length: periods * atOnce }, (_, i) => i + 1);
  await db
    .prepare(
      `INSERT INTO jobs (number, id, project, user, phase, first_seen_at_ms)
       SELECT value, 'slurm:bench:' || value, 'project-' || (value % 20), 'user-' || (value % 50), 'train', ?2
       FROM json_each(?1)`,
    )
    .bind(JSON.stringify(jobs), START_MS)
    .run();
  const first = START_MS / HOUR_MS;
  const places = jobs.flatMap((job) => {
    const period = Math.floor((job - 1) / atOnce);
    const from = first + period * DAYS_PER_JOB * 24;
    const until = Math.min(from + DAYS_PER_JOB * 24 - 1, first + days * 24);
    return numbers
      .filter((node) => node % atOnce === (job - 1) % atOnce)
      .map((node) => [job * JOB_KEYS + node, from, until]);
  });
  await db
    .prepare(
      'INSERT INTO job_nodes (key, first_hour, last_hour) SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)',
    )
    .bind(JSON.stringify(places))
    .run();
}

/** Of a vintage that is not over: some of what the fleet uses. */
const CERTIFICATES = contractValue({
  kind: 'certificate',
  kwh: 100_000,
  fromMs: START_MS,
  toMs: START_MS + 90 * DAY_MS,
  gridZone: null,
  gramsPerKwh: 0,
  source: 'bench',
});

async function seedPlaces(db: Database, numbers: readonly number[]): Promise<void> {
  const json = JSON.stringify(numbers);
  const all = (sql: string, ...values: unknown[]) => db.prepare(sql).bind(json, ...values);
  await db.batch([
    all(
      `INSERT INTO nodes (number, id, hostname, labels, fingerprint, machine_fingerprint, enrolled_at_ms, simulated, agent_version)
       SELECT value, 'node-' || value, 'node-' || value, '{}', value, value, ?2, 0, '0.1.0' FROM json_each(?1)`,
      START_MS,
    ),
    all(
      `INSERT INTO settings (subject, key, value, effective_from_ms, recorded_at_ms, recorded_by)
       SELECT 'node:' || value, 'site', 'site-' || (value % ${ZONES.length}), ?2, ?2, 'bench' FROM json_each(?1)`,
      START_MS,
    ),
    all(
      `INSERT INTO node_devices (node_number, device_index, device_id, type, name)
       SELECT node.value, device.value, 'device-' || node.value || '-' || device.value,
              iif(device.value < ${GPUS}, 'gpu', 'other'), iif(device.value < ${GPUS}, 'NVIDIA H100 80GB HBM3', 'host')
       FROM json_each(?1) AS node, json_each(?2) AS device`,
      JSON.stringify(Array.from({ length: GPUS + 1 }, (_, i) => i)),
    ),
    all(
      `INSERT INTO parts (node_number, part_id, type, name, in_service_from_ms, in_service_assumed)
       SELECT node.value, 'device-' || node.value || '-' || device.value, 'gpu', 'NVIDIA H100 80GB HBM3', ?3, 1
       FROM json_each(?1) AS node, json_each(?2) AS device`,
      JSON.stringify(Array.from({ length: GPUS }, (_, i) => i)),
      START_MS,
    ),
  ]);
  for (const [index, zone] of ZONES.entries()) {
    const hours = JSON.stringify(Array.from({ length: HOURS_OF_VALUES }, (_, hour) => hour - 24));
    await db.batch([
      db
        .prepare('INSERT INTO sites (id, name, created_at_ms) VALUES (?1, ?1, ?2)')
        .bind(`site-${index}`, START_MS),
      ...[
        ['gridZone', zone],
        ['pueRatio', '1.2'],
        [contractKey('certificates'), CERTIFICATES],
      ].map(([key, value]) =>
        db
          .prepare(
            `INSERT INTO settings (subject, key, value, effective_from_ms, recorded_at_ms, recorded_by)
             VALUES (?1, ?2, ?3, ?4, ?4, 'bench')`,
          )
          .bind(`site:site-${index}`, key, value, START_MS - DAY_MS),
      ),
      db
        .prepare(
          `INSERT INTO grid_series (id, grid_zone, basis, signal, scope, provider)
           VALUES (?1, ?2, 'lifecycle', 'average', 'consumption', 'bench')`,
        )
        .bind(index + 1, zone),
      db
        .prepare(
          `INSERT INTO grid_values (key, duration_ms, grams_per_kwh, kind, fetched_at_ms)
           SELECT CAST(?2 AS INTEGER) + value * 12, ${HOUR_MS}, 300 + value % 200, 'measured', ?3 FROM json_each(?1)`,
        )
        .bind(hours, (index + 1) * SERIES_KEYS + START_MS / WINDOW_MS, START_MS),
    ]);
  }
}

/** Hours of eight GPUs busy with a job, and of the rest of their host, in hex. */
function ledgers(): (job: number, pattern: number) => string {
  const random = generator(11);
  const patterns = Array.from({ length: PATTERNS }, () =>
    Array.from({ length: 12 }, () =>
      Array.from({ length: GPUS + 1 }, (_, deviceIndex) => ({
        deviceIndex,
        meteredMilliseconds: WINDOW_MS,
        energyMillijoules: Math.round((deviceIndex < GPUS ? 600 : 900) * WINDOW_MS * (0.8 + 0.2 * random())),
        kind: 'counter' as const,
        recoveredMillijoules: 0,
        integratedMillijoules: null,
        idleMillijoules: 0,
        utilizationRatio: deviceIndex < GPUS ? 0.97 : null,
      })),
    ),
  );
  return (jobNumber, pattern) => {
    const windows = patterns[pattern]!.map((devices) => {
      const jobShares = devices.map(({ deviceIndex, energyMillijoules }) => ({
        jobNumber,
        deviceIndex,
        energyMillijoules,
        allocatedMilliseconds: WINDOW_MS,
      }));
      return [{ epoch: 'k3v9c0ffee12', revision: 5, final: true, contentDigest: 7, devices, jobShares }];
    });
    const hour: HourLedger = { windows };
    return Buffer.from(encodeHour(hour)).toString('hex');
  };
}
