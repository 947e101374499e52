/** What the doctor says of the state directory. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { stateChecks } from '../../../agent/doctor/state-checks.ts';
import { writeStatus } from '../../../agent/run/status-file.ts';

const NOTHING_LOST = { droppedSeries: 0, droppedReports: 0, damagedRecords: 0, setAsideReports: 0 };

function spoolLine(spool: object) {
  const stateDir = mkdtempSync(join(tmpdir(), 'wattshed-state-'));
  onTestFinished(() => rmSync(stateDir, { recursive: true, force: true }));
  writeStatus(stateDir, { spool: { spoolReports: 3, ...NOTHING_LOST, error: null, ...spool } });
  return stateChecks(stateDir).find(({ name }) => name === 'spool');
}

test('what waits, and nothing else where nothing was lost', () => {
  expect(spoolLine({})).toMatchObject({ result: 'ok', detail: '3 reports wait for the server' });
});

test('what was given up or set aside is told, each by its own name', () => {
  const lost = { droppedSeries: 4, droppedReports: 1, damagedRecords: 2, setAsideReports: 5 };
  expect(spoolLine(lost)?.detail).toBe(
    '3 reports wait for the server; 1 report dropped; 4 power series dropped; 2 damaged records set aside; 5 reports refused by the server for good, in spool/quarantine/',
  );
});

test('a disk that takes no writes needs a hand', () => {
  expect(spoolLine({ error: 'the spool fails: ENOSPC' })).toMatchObject({ result: 'problem' });
});
