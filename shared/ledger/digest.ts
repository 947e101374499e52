/** Digests of 32 bits (FNV-1a): against mistakes, not against malice. */
import type { WindowReport } from '../wire/ingest.ts';

/**
 * Of what a report says, to tell a resend from a conflict: the same revision of the same window with other content means
 * that two agents write under one identity. It is only ever compared under an equal (epoch, revision), so 32 bits are
 * enough: one conflict in four billion would be missed, and the next revision would show it. Order of devices and jobs does not matter; names do not (they are display), and neither
 * does the power series: an agent short of disk sheds it without changing what the window says.
 */
export function contentDigest(report: WindowReport): number {
  const devices = report.devices
    .map((device) => [
      device.id,
      device.type,
      device.kind,
      device.meteredMilliseconds,
      device.energyMillijoules,
      device.recoveredMillijoules ?? 0,
      device.integratedMillijoules ?? null,
      device.idleMillijoules ?? 0,
      device.utilizationRatio ?? null,
    ])
    .sort(byFirst);
  const jobs = report.jobs
    .map((job) => [
      job.id,
      job.attribution ?? 'allocation',
      job.devices
        .map(({ id, energyMillijoules, allocatedMilliseconds }) => [
          id,
          energyMillijoules,
          allocatedMilliseconds,
        ])
        .sort(byFirst),
    ])
    .sort(byFirst);
  return fnv1a(JSON.stringify([report.final, devices, jobs]));
}

function byFirst(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a[0]) < String(b[0]) ? -1 : 1;
}

export function fnv1a(text: string): number {
  let hash = OFFSET;
  for (let i = 0; i < text.length; i++) hash = mixed(hash, text.charCodeAt(i));
  return hash >>> 0;
}

/** Another one for bytes that differ in a single byte; for others alike once in four billion. */
export function bytesDigest(bytes: Uint8Array): number {
  let hash = OFFSET;
  for (const byte of bytes) hash = mixed(hash, byte);
  return hash >>> 0;
}

const OFFSET = 0x811c9dc5;
const mixed = (hash: number, unit: number) => Math.imul(hash ^ unit, 0x01000193);
