/**
 * Where a slice of monotonic time lies in UTC. Energy is measured on the monotonic clock; the wall clock only says which
 * window it belongs to, so a step of the wall clock moves bookings and never makes or loses energy.
 */
import type { Point } from './meter-state.ts';

/** Disagreements up to this are drift (read jitter, slewing by NTP) and are absorbed; beyond it the clock was stepped. */
const STEP_MS = 500;

/**
 * The wall instant of a new reading. A clock that was set back makes bookings run at half speed until it has caught up:
 * they never overlap, so no device has more than 300 s in a window, and power appears at most doubled.
 *
 * @param offsetMs wall minus monotonic, as read now; null while the wall clock is not trusted
 * @param notBeforeMs nothing may be booked before this
 * @returns UTC milliseconds, whole, or null
 */
export function wallOf(
  previous: Point | null,
  atMs: number,
  offsetMs: number | null,
  notBeforeMs: number,
): number | null {
  if (offsetMs === null) return null;
  const told = Math.max(Math.round(atMs + offsetMs), notBeforeMs);
  if (previous === null || previous.wallMs === null) return told;
  return Math.max(told, Math.round(previous.wallMs + (atMs - previous.atMs) / 2));
}

/** Where the span between two points begins in UTC: after a step forward it keeps its own length, and a hole stays before it. */
export function spanStartWallMs(previous: Point, now: Point): number | null {
  if (previous.wallMs === null || now.wallMs === null) return null;
  const spanMs = now.atMs - previous.atMs;
  const stepped = now.wallMs - previous.wallMs - spanMs > STEP_MS;
  return stepped ? Math.round(now.wallMs - spanMs) : previous.wallMs;
}
