/** The archive as others read it: a day of a fleet in a real database and bucket, read back by DuckDB. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { encodeSeries } from '../../shared/ledger/series-codec.ts';
import { DEVICE_TYPES, ENERGY_KINDS, JOB_ATTRIBUTIONS } from '../../shared/wire/ingest.ts';
import { promisedColumns, promisedTypes, promisedValues } from './archive-page.ts';
import { type Harness, startHarness } from './harness.ts';

const WINDOW_MS = 300_000;
const DAY_MS = 86_400_000;
const DAY = Date.UTC(2026, 5, 1);
const NODES = 3;
const WINDOWS = 24;
const DEVICES = 2;

test('the energy of a day is the same to the millijoule in DuckDB, and so are its jobs and its samples', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wattshed-archive-'));
  const harness = await startHarness();
  try {
    const truth = await aFleet(harness);
    // Series leave first, and are deleted when the windows leave.
    for (const days of [11, 36, 37]) {
      await harness.setClock(DAY + days * DAY_MS);
      await harness.tick();
      for (const [key, bytes] of await harness.archive()) {
        const file = join(folder, key);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, bytes);
      }
    }
    const connection = await (await DuckDBInstance.create()).connect();
    const ask = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjectsJson();
    const from = (dataset: string) =>
      `read_parquet('${folder}/${dataset}/*/*/*.parquet', hive_partitioning = true)`;
    expect(
      await ask(`SELECT SUM(energy_millijoules)::VARCHAR AS energy, COUNT(DISTINCT node_id) AS nodes, COUNT(*) AS n,
        MIN(date)::VARCHAR AS date, MIN(shard) AS shard, epoch_ms(MIN(window_start)) AS first FROM ${from('windows')}`),
    ).toEqual([
      {
        energy: String(truth.energy),
        nodes: String(NODES),
        n: String(NODES * WINDOWS * DEVICES),
        date: '2026-06-01',
        shard: '0',
        first: String(DAY),
      },
    ]);
    expect(
      await ask(
        `SELECT job_id, SUM(energy_millijoules)::VARCHAR AS energy FROM ${from('job_shares')} GROUP BY job_id`,
      ),
    ).toEqual([{ job_id: 'slurm:c:1', energy: String(truth.ofJob) }]);
    expect(
      await ask(
        `SELECT SUM(list_sum(watts))::VARCHAR AS watts, SUM(len(watts) - list_count(watts))::VARCHAR AS gaps FROM ${from('series')}`,
      ),
    ).toEqual([{ watts: String(truth.watts), gaps: String(NODES * WINDOWS * DEVICES) }]);
    const types = promisedTypes();
    for (const dataset of ['windows', 'job_shares', 'series']) {
      const promised = promisedColumns(dataset);
      const described = await ask(`DESCRIBE SELECT * FROM ${from(dataset)}`);
      expect(described.map(({ column_name, column_type }) => [column_name, column_type])).toEqual([
        ...promised.map(({ name, type }) => [name, types.get(type)?.duckdb]),
        ['date', types.get('date')?.duckdb],
        ['shard', types.get('shard')?.duckdb],
      ]);
      const elements = await ask(
        `SELECT DISTINCT name, type, converted_type, repetition_type FROM parquet_schema('${folder}/${dataset}/*/*/*.parquet')`,
      );
      for (const { name, type } of promised) {
        const element = elements.find((each) => each.name === name);
        const inFile = [element?.type, element?.converted_type].filter((each) => each !== null).join(', ');
        expect(`${name} ${inFile}`).toBe(`${name} ${types.get(type)?.parquet}`);
      }
      const [nulls] = await ask(
        `SELECT ${promised.map(({ name }) => `COUNT(*) - COUNT(${name}) AS ${name}`)} FROM ${from(dataset)}`,
      );
      const withNulls = promised.filter(({ name }) => nulls![name] !== '0').map(({ name }) => name);
      expect(withNulls).toEqual(promised.filter(({ isNullable }) => isNullable).map(({ name }) => name));
    }
  } finally {
    await harness.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('docs/archive.md lists the values of each column of few', () => {
  expect(promisedValues('windows', 'device_type')).toEqual(DEVICE_TYPES);
  expect(promisedValues('windows', 'kind')).toEqual(ENERGY_KINDS);
  expect(promisedValues('job_shares', 'attribution')).toEqual(JOB_ATTRIBUTIONS);
});

/** What was told, counted while telling it. */
async function aFleet(harness: Harness) {
  let energy = 0n;
  let ofJob = 0n;
  let watts = 0n;
  await harness.setClock(DAY);
  await harness.api('POST', '/v1/sites', { id: 'berlin', gridZone: 'DE', pueRatio: 1.2 });
  const key = { label: 'nodes', site: 'berlin', maxUses: null };
  const enrolmentKey = (await harness.api<{ key: string }>('POST', '/v1/enrolment-keys', key)).key;
  for (let number = 1; number <= NODES; number++) {
    await harness.setClock(DAY);
    const fingerprint = String(number).padStart(64, '0');
    const host = {
      hostname: `node-${number}`,
      fingerprint,
      machineFingerprint: fingerprint,
      agentVersion: '0.1.0',
    };
    const { token } = (await post(harness, '/v1/enroll', enrolmentKey, host)) as { token: string };
    await harness.setClock(DAY + DAY_MS);
    const reports = Array.from({ length: WINDOWS }, (_, window) => {
      const devices = Array.from({ length: DEVICES }, (_, index) => {
        const energyMillijoules = 195_000_000 + number * 1_000 + window * 10 + index;
        const samples = [600 + number, null, 600 + window];
        energy += BigInt(energyMillijoules);
        watts += BigInt(1_200 + number + window);
        const deflated = deflateRawSync(encodeSeries(samples)).toString('base64');
        return {
          id: `GPU-${index}`,
          type: 'gpu',
          name: 'NVIDIA H100 80GB HBM3',
          meteredMilliseconds: WINDOW_MS,
          energyMillijoules,
          kind: 'counter',
          series: { stepMilliseconds: 1_000, watts: deflated },
        };
      });
      ofJob += BigInt(devices[0]!.energyMillijoules);
      const { id, energyMillijoules } = devices[0]!;
      return {
        windowStartMs: DAY + window * WINDOW_MS,
        epoch: 'epoch0001',
        revision: 1,
        final: true,
        devices,
        jobs: [{ id: 'slurm:c:1', devices: [{ id, energyMillijoules, allocatedMilliseconds: WINDOW_MS }] }],
      };
    });
    const body = { version: 1, sentAtMs: DAY + DAY_MS, agentVersion: '0.1.0', reports };
    expect(await post(harness, '/v1/ingest', token, body)).toMatchObject({
      accepted: WINDOWS,
      quarantined: [],
    });
  }
  return { energy, ofJob, watts };
}

async function post({ url }: Harness, path: string, token: string, body: unknown): Promise<unknown> {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return response.json();
}
