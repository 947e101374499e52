/** The state directory: there, writable, with room, private; and what waits in it. */
import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { readStatus } from '../run/status-file.ts';
import type { Check } from './check.ts';

/** The spool's own bound, and some air. */
const ENOUGH_BYTES = 100 * 1024 * 1024;

export function stateChecks(stateDir: string): Check[] {
  const existing = nearestExisting(stateDir);
  const checks = [placeCheck(stateDir, existing), roomCheck(existing)];
  const waiting = waitingCheck(stateDir);
  return waiting === null ? checks : [...checks, waiting];
}

function placeCheck(stateDir: string, existing: string): Check {
  const shared = { area: 'state', name: 'directory' } as const;
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
  } catch {
    return {
      ...shared,
      result: 'problem',
      detail: `${existing} is not writable for this user`,
      fix: `chown ${process.getuid?.() ?? 'the agent'} ${existing}, or set stateDir to another place`,
    };
  }
  const mode = statSync(existing).mode & 0o077;
  if (existing === stateDir && mode !== 0)
    return {
      ...shared,
      result: 'problem',
      detail: `${stateDir} is open to other users`,
      fix: `chmod 700 ${stateDir}`,
    };
  const detail =
    existing === stateDir ? `${stateDir}, private and writable` : `${stateDir}, made at the first start`;
  return { ...shared, result: 'ok', detail };
}

function roomCheck(existing: string): Check {
  const { bavail, bsize } = statfsSync(existing);
  const freeBytes = bavail * bsize;
  const detail = `${Math.round(freeBytes / 1024 / 1024)} MiB free`;
  const shared = { area: 'state', name: 'disk' } as const;
  if (freeBytes >= ENOUGH_BYTES) return { ...shared, result: 'ok', detail };
  return { ...shared, result: 'problem', detail, fix: 'free 100 MiB, or set stateDir to another disk' };
}

const REFUSED = 'refused by the server for good, in spool/quarantine/';

function waitingCheck(stateDir: string): Check | null {
  const status = readStatus(stateDir);
  if (status === null) return null;
  const { spoolReports, droppedReports, droppedSeries, damagedRecords, setAsideReports, error } =
    status.spool;
  const lost = (
    [
      [droppedReports, 'report dropped', 'reports dropped'],
      [droppedSeries, 'power series dropped', 'power series dropped'],
      [damagedRecords, 'damaged record set aside', 'damaged records set aside'],
      [setAsideReports, `report ${REFUSED}`, `reports ${REFUSED}`],
    ] as const
  ).flatMap(([count, one, several]) => (count === 0 ? [] : [`${count} ${count === 1 ? one : several}`]));
  const detail = [
    spoolReports === 1 ? '1 report waits for the server' : `${spoolReports} reports wait for the server`,
    ...lost,
    ...(error === null ? [] : [error]),
  ].join('; ');
  return { area: 'state', name: 'spool', result: error === null ? 'ok' : 'problem', detail };
}

function nearestExisting(path: string): string {
  for (let place = path; ; place = dirname(place)) {
    try {
      statSync(place);
      return place;
    } catch {
      if (place === dirname(place)) return place;
    }
  }
}
