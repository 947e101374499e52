/** When the wall clock is believed, and whose it is. */
import { expect, test } from 'vitest';
import { createReplayClock } from '../../../agent/replay/replay-clock.ts';
import { type TrustedWall, trustedWall } from '../../../agent/run/trusted-wall.ts';
import { epochMs, monotonicMs } from '../../../shared/units.ts';

const NOW = Date.parse('2026-05-01T12:00:00Z');

function wallWith(options: { synchronised?: boolean; alreadyTrusted?: boolean } = {}) {
  return trustedWall({
    clock: createReplayClock(NOW),
    isSynchronised: () => options.synchronised === true,
    alreadyTrusted: options.alreadyTrusted === true,
  });
}

const now = (wall: TrustedWall) => wall.at(monotonicMs(NOW));

function serverSays(wall: TrustedWall, aheadMs: number, tookMs = 100): void {
  wall.noteServerTime({
    serverTimeMs: epochMs(NOW - tookMs / 2 + aheadMs),
    sentAt: monotonicMs(NOW - tookMs),
    receivedAt: monotonicMs(NOW),
  });
}

test('nobody vouches for it: no time at all', () => {
  const wall = wallWith();
  expect(now(wall)).toBeNull();
  expect(wall.detail()).toMatch(/^not trusted yet/);
});

test('synchronised by the system, or trusted earlier in this boot: its own time', () => {
  expect(now(wallWith({ synchronised: true }))).toBe(NOW);
  expect(now(wallWith({ alreadyTrusted: true }))).toBe(NOW);
});

test('the server agrees: its own time, down to the millisecond', () => {
  const wall = wallWith();
  serverSays(wall, 20_000);
  expect(now(wall)).toBe(NOW);
  expect(wall.detail()).toBe("agrees with the server's");
});

test('the server disagrees: its time is used, and the host is told', () => {
  const wall = wallWith();
  serverSays(wall, 3_600_000);
  expect(now(wall)).toBe(NOW + 3_600_000);
  expect(wall.detail()).toBe(
    "this host's clock is 3600 s behind the server's, which is used instead: synchronise it (timedatectl set-ntp true)",
  );
  serverSays(wall, 0);
  expect(now(wall)).toBe(NOW);
});

test('a synchronised host keeps its own time, and says that the server disagrees', () => {
  const wall = wallWith({ synchronised: true });
  serverSays(wall, -3_600_000);
  expect(now(wall)).toBe(NOW);
});

test('a slow reply is no disagreement', () => {
  const wall = wallWith();
  serverSays(wall, 40_000, 30_000);
  expect(now(wall)).toBe(NOW);
});
