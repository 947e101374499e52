/** A day of a fleet, told to the real Worker; what it wrote, read and keeps. */

import { deflateRawSync } from 'node:zlib';
import { encodeSeries } from '../../shared/ledger/series-codec.ts';
import { HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { type Ask, startMeteredSite } from '../metered-site.ts';
import { generator, trainingWatts } from '../row-layout/workload.ts';

export interface FleetDay {
  readonly nodes: number;
  readonly hours: number;
  readonly reportEverySeconds: number;
  readonly withSeries: boolean;
}

export interface Bill {
  readonly reports: number;
  readonly rowsWritten: number;
  readonly rowsRead: number;
  /** Of the rows written: when the series leave, a preset's span later. */
  readonly rowsOfDropping: number;
  /** Growth of the database. */
  readonly bytes: number;
}

const START_MS = Date.UTC(2026, 5, 1);
const MINUTE_MS = 60_000;
export const GPUS = 8;
const ZONES = ['PL', 'US-CAL-CISO'];

/** Eight GPUs and the rest of the host, one job on each node, two zones, every hour restated once. */
export async function fleetDay(day: FleetDay): Promise<Bill> {
  const { ask, db, stop } = await startMeteredSite('bench/cost/metered-worker.mjs');
  try {
    const intensity = (fromHour: number, hours: number, gramsPerKwh: number) =>
      Promise.all(
        ZONES.map((zone) =>
          ask(
            `/v1/grid/${zone}/intensity`,
            {
              basis: 'lifecycle',
              signal: 'average',
              scope: 'consumption',
              points: Array.from({ length: hours }, (_, hour) => ({
                start: new Date(START_MS + (fromHour + hour) * HOUR_MS).toISOString(),
                end: new Date(START_MS + (fromHour + hour + 1) * HOUR_MS).toISOString(),
                gramsPerKwh: gramsPerKwh + hour,
              })),
            },
            undefined,
            'PUT',
          ),
        ),
      );
    await ask('/__clock', START_MS);
    const tokens = await enrolAll(ask, day.nodes);
    // The first report of each node registers its devices and its job: once in its life, not each day.
    const series = seriesPool();
    await ask(
      '/__many',
      tokens.map((token, node) => ingestOf(day, token, node, -1, 5, series)),
    );
    const size = async () => (await db.prepare('SELECT 1').run()).meta.size_after;
    const sizeBefore = await size();
    const before = await ask<Meter>('/__clock', START_MS);
    let reports = 0;
    const perWindow = WINDOW_MS / 1_000 / day.reportEverySeconds;
    for (let minute = 0; minute < day.hours * 60; minute++) {
      await ask('/__clock', START_MS + (minute + 1) * MINUTE_MS);
      if (minute % 60 === 0) {
        const hour = minute / 60;
        process.stderr.write(
          `\r  ${day.nodes} nodes every ${day.reportEverySeconds} s: hour ${hour + 1} of ${day.hours} `,
        );
        await intensity(hour, 1, 400);
      }
      const ofWindow = ((minute % 5) + 1) / 5;
      if (Number.isInteger(ofWindow * perWindow)) {
        const window = Math.floor(minute / 5);
        const revision = ofWindow * perWindow;
        const all = tokens.map((token, node) =>
          ingestOf(day, token, node, window, revision, series, perWindow),
        );
        await ask('/__many', all);
        reports += all.length;
      }
      await ask('/__cron', null);
    }
    process.stderr.write('\n');
    const sizeAfter = await size();
    await ask('/__clock', START_MS + day.hours * HOUR_MS + 12 * HOUR_MS);
    await intensity(0, day.hours, 500);
    const told = await ask<Meter>('/__clock', START_MS + 4 * 24 * HOUR_MS);
    for (let minute = 0; minute < 20; minute++) {
      await ask('/__clock', START_MS + 4 * 24 * HOUR_MS + minute * MINUTE_MS);
      await ask('/__cron', null);
    }
    const after = await ask<Meter>('/__clock', START_MS + 4 * 24 * HOUR_MS);
    return {
      reports,
      rowsWritten: after.written - before.written,
      rowsRead: after.read - before.read,
      rowsOfDropping: after.written - told.written,
      bytes: sizeAfter - sizeBefore,
    };
  } finally {
    await stop();
  }
}

/** As the metered Worker tells it. */
interface Meter {
  readonly written: number;
  readonly read: number;
}

async function enrolAll(ask: Ask, nodes: number): Promise<string[]> {
  const keys: string[] = [];
  for (const [index, gridZone] of ZONES.entries()) {
    await ask('/v1/sites', { id: `site-${index}`, gridZone, pueRatio: 1.2 });
    keys.push(
      (
        await ask<{ key: string }>('/v1/enrolment-keys', {
          label: 'bench',
          site: `site-${index}`,
          maxUses: null,
        })
      ).key,
    );
  }
  const tokens: string[] = [];
  for (let node = 0; node < nodes; node++) {
    const fingerprint = String(node).padStart(64, '0');
    const host = {
      hostname: `node-${node}`,
      fingerprint,
      machineFingerprint: fingerprint,
      agentVersion: '0.1.0',
    };
    tokens.push((await ask<{ token: string }>('/v1/enroll', host, keys[node % keys.length])).token);
  }
  return tokens;
}

/** Seeded: no two devices of a window have the same one. */
function seriesPool(): { readonly watts: string; readonly energyMillijoules: number }[] {
  const random = generator(7);
  return Array.from({ length: 997 }, () => {
    const samples = trainingWatts(random, 640);
    return {
      watts: deflateRawSync(encodeSeries(samples)).toString('base64'),
      energyMillijoules: samples.reduce((sum, watts) => sum + watts * 1_000, 0),
    };
  });
}

function ingestOf(
  day: FleetDay,
  token: string,
  node: number,
  window: number,
  revision: number,
  pool: readonly { readonly watts: string; readonly energyMillijoules: number }[],
  perWindow = 5,
) {
  const final = revision === perWindow;
  const share = revision / perWindow;
  const devices = Array.from({ length: GPUS + 1 }, (_, index) => {
    const { watts, energyMillijoules } = pool[(node * 131 + (window + 1) * 17 + index * 7) % pool.length]!;
    const soFar = Math.round(energyMillijoules * share);
    return {
      id: index < GPUS ? `GPU-${node}-${index}` : 'host',
      type: index < GPUS ? 'gpu' : 'other',
      name: index < GPUS ? 'NVIDIA H100 80GB HBM3' : 'rest of the host',
      meteredMilliseconds: WINDOW_MS * share,
      energyMillijoules: soFar,
      kind: 'counter',
      integratedMillijoules: soFar + index * 1_000,
      utilizationRatio: 0.97,
      ...(final && day.withSeries ? { series: { stepMilliseconds: 1_000, watts } } : {}),
    };
  });
  const job = {
    id: `slurm:bench:${node}`,
    devices: devices.map(({ id, energyMillijoules, meteredMilliseconds }) => ({
      id,
      energyMillijoules,
      allocatedMilliseconds: meteredMilliseconds,
    })),
  };
  const report = {
    windowStartMs: START_MS + window * WINDOW_MS,
    epoch: 'k3v9c0ffee12',
    revision,
    final,
    devices,
    jobs: [job],
  };
  const json = { version: 1, sentAtMs: START_MS, agentVersion: '0.1.0', reports: [report] };
  return { path: '/v1/ingest', token, json };
}
