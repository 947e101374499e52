/** 10,000 nodes of 100 sites in 20 grid zones with some hours of a ledger, written in bulk. */
import type { HourLedger, LedgerEpoch } from '../../shared/ledger/hour.ts';
import { encodeHour } from '../../shared/ledger/hour-codec.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS, WINDOWS_PER_HOUR } from '../../shared/time/window.ts';
import { jsonChunks } from '../../worker/storage/json-chunks.ts';
import type { MeteredSite } from '../metered-site.ts';
import { generator } from '../row-layout/workload.ts';

export const NODES = 10_000;
export const SITES = 100;
export const TEAMS = 400;
export const PROJECTS = 50;
export const ZONES = 'DE FR GB ES PT PL NL BE AT CH CZ SK HU RO BG GR IE FI EE LV'.split(' ');
const NODES_PER_SITE = NODES / SITES;
/** Ledgers that differ; each belongs to a job of its own. */
const VARIANTS = 100;
const GPUS = 8;
const DEVICES = GPUS + 2;
const HISTORY_DAYS = 31;
const FORECAST_HOURS = 72;

export const siteOf = (node: number) => Math.floor(node / NODES_PER_SITE);
/** 25 nodes of two sites, which stand in two zones. */
const teamOf = (node: number) => Math.floor(node / (2 * NODES_PER_SITE)) * 8 + (node % 8);
export const nodeId = (node: number) => `node-${String(node).padStart(5, '0')}`;

/** Dirty from 07:00 to 09:00 and in the evening, each zone on a level of its own. */
const intensityAt = (zone: number, hour: number): number => {
  const ofDay = hour % 24;
  return 150 + zone * 10 + (ofDay === 7 || ofDay === 8 ? 300 : ofDay >= 18 ? 150 : 0) + (hour % 7);
};

/** @param hours of the ledger that are booked, starts in ms */
export async function seedFleet(
  db: MeteredSite['db'],
  enrolledAtMs: number,
  hours: readonly number[],
): Promise<void> {
  await insert(
    db,
    `INSERT INTO nodes (number, id, hostname, labels, fingerprint, machine_fingerprint, enrolled_at_ms, simulated,
       agent_version, health, health_at_ms)
     SELECT value ->> 0, value ->> 1, value ->> 1, value ->> 2, value ->> 1, value ->> 1, ${enrolledAtMs}, 0, '0.1.0',
       '{"sensors":[{"sensor":"nvml","state":"ok"},{"sensor":"rapl","state":"absent"}],"spoolReports":2}', ${enrolledAtMs}
     FROM json_each(?1)`,
    Array.from({ length: NODES }, (_, node) => [
      node + 1,
      nodeId(node),
      JSON.stringify({ team: `t${teamOf(node)}`, rack: `r${node % 40}` }),
    ]),
  );
  const setting = `INSERT INTO settings (subject, key, value, effective_from_ms, recorded_at_ms, recorded_by)
     SELECT value ->> 0, value ->> 1, value ->> 2, ${enrolledAtMs}, ${enrolledAtMs}, 'bench' FROM json_each(?1)`;
  const sites = Array.from({ length: SITES }, (_, site) => site);
  await insert(db, setting, [
    ...sites.flatMap((site) => [
      [`site:s${site}`, 'gridZone', ZONES[site % ZONES.length]!],
      [`site:s${site}`, 'pueRatio', '1.2'],
    ]),
    ...Array.from({ length: NODES }, (_, node) => [`node:${node + 1}`, 'site', `s${siteOf(node)}`]),
  ]);
  await db.batch([
    db.prepare(`INSERT INTO node_devices (node_number, device_index, device_id, type, name, first_seen_at_ms)
      SELECT number, value, 'd-' || value, CASE WHEN value < ${GPUS} THEN 'gpu' WHEN value = ${GPUS} THEN 'cpu' ELSE 'other' END,
        CASE WHEN value < ${GPUS} THEN 'NVIDIA H100 80GB HBM3' ELSE 'host' END, ${enrolledAtMs}
      FROM nodes CROSS JOIN json_each('${range(DEVICES)}')`),
    db.prepare(`INSERT INTO parts (node_number, part_id, type, name, in_service_from_ms, in_service_assumed)
      SELECT number, 'd-' || value, CASE WHEN value < ${GPUS} THEN 'gpu' ELSE 'cpu' END,
        CASE WHEN value < ${GPUS} THEN 'NVIDIA H100 80GB HBM3' ELSE 'Intel Xeon Platinum 8480C' END, ${enrolledAtMs}, 1
      FROM nodes CROSS JOIN json_each('${range(GPUS + 1)}')`),
    db.prepare(`INSERT INTO jobs (number, id, project, first_seen_at_ms)
      SELECT value + 1, 'slurm:bench:' || value, 'p' || value % ${PROJECTS}, ${enrolledAtMs} FROM json_each('${range(VARIANTS)}')`),
  ]);
  for (const hourMs of hours) {
    const ledgers = Array.from({ length: VARIANTS }, (_, i) => [i, hex(encodeHour(ledgerOf(i, hourMs)))]);
    await insert(
      db,
      `INSERT INTO node_hours (key, version, received_at_ms, ledger)
       SELECT nodes.number * 2097152 + ${hourMs / HOUR_MS}, 1, ${hourMs + HOUR_MS}, unhex(value ->> 1)
       FROM json_each(?1) CROSS JOIN nodes WHERE nodes.number % ${VARIANTS} = value ->> 0`,
      ledgers,
    );
  }
}

/** A month of hours for each zone, and what is expected from some hours before its end on. */
export async function seedGrid({ ask, db }: MeteredSite, untilMs: number): Promise<void> {
  const fromMs = untilMs - HISTORY_DAYS * DAY_MS;
  const issuedAtMs = untilMs - 4 * HOUR_MS;
  const valueAt = (zone: number, startMs: number) => intensityAt(zone, startMs / HOUR_MS);
  for (const [zone, gridZone] of ZONES.entries()) {
    const points = Array.from({ length: HISTORY_DAYS * 24 }, (_, hour) => {
      const startMs = fromMs + hour * HOUR_MS;
      const end = new Date(startMs + HOUR_MS).toISOString();
      return { start: new Date(startMs).toISOString(), end, gramsPerKwh: valueAt(zone, startMs) };
    });
    const series = { basis: 'lifecycle', signal: 'average', points };
    await ask(`/v1/grid/${gridZone}/intensity`, series, undefined, 'PUT');
  }
  const steps = (zone: number) =>
    Array.from({ length: FORECAST_HOURS }, (_, hour) => [valueAt(zone, issuedAtMs + hour * HOUR_MS)]);
  await insert(
    db,
    `INSERT INTO grid_forecasts (key, issued_at_ms, fetched_at_ms, start_ms, step_ms, steps)
     SELECT s.id * 16777216 + ${issuedAtMs / WINDOW_MS}, ${issuedAtMs}, ${issuedAtMs}, ${issuedAtMs}, ${HOUR_MS}, value ->> 1
     FROM json_each(?1) JOIN grid_series AS s ON s.grid_zone = value ->> 0`,
    ZONES.map((gridZone, zone) => [gridZone, JSON.stringify(steps(zone))]),
  );
}

/** Eight GPUs, a CPU and the rest of the host; the job holds all but one GPU, which idles. */
function ledgerOf(variant: number, hourMs: number): HourLedger {
  const random = generator(variant + hourMs / HOUR_MS);
  return {
    windows: Array.from({ length: WINDOWS_PER_HOUR }, (): LedgerEpoch[] => {
      const devices = Array.from({ length: DEVICES }, (_, deviceIndex) => {
        const energyMillijoules = Math.round((400 + random() * 300) * WINDOW_MS);
        return {
          deviceIndex,
          meteredMilliseconds: WINDOW_MS,
          energyMillijoules,
          kind: 'counter' as const,
          recoveredMillijoules: 0,
          integratedMillijoules: Math.round(energyMillijoules * 1.01),
          idleMillijoules: deviceIndex === 0 ? energyMillijoules : 0,
          utilizationRatio: 0.9,
        };
      });
      const jobShares = devices.slice(1).map(({ deviceIndex, energyMillijoules }) => ({
        jobNumber: variant + 1,
        deviceIndex,
        energyMillijoules,
        allocatedMilliseconds: WINDOW_MS,
      }));
      return [{ epoch: 'k3v9c0ffee12', revision: 5, final: true, contentDigest: 1, devices, jobShares }];
    }),
  };
}

async function insert(db: MeteredSite['db'], statement: string, rows: readonly unknown[]): Promise<void> {
  for (const chunk of jsonChunks(rows.map((row) => JSON.stringify(row))))
    await db.prepare(statement).bind(chunk).run();
}

const range = (length: number) => JSON.stringify(Array.from({ length }, (_, i) => i));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
