/** What a node sends, as far as the relay must understand it to keep it; the rest is the server's to judge. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { WINDOW_MS } from '../../shared/time/window.ts';
import type { IngestBody, WindowReport } from '../../shared/wire/ingest.ts';

/** The server's own bound on an unpacked body. */
const MAX_PLAIN_BYTES = 4 * 1024 * 1024;
const MAX_REPORTS = 300;

const unpack = promisify(gunzip);

/** Null for what the relay cannot read: that is never kept, only passed on. */
export async function readIngestBody(bytes: Buffer, encoding: string): Promise<IngestBody | null> {
  try {
    const plain = encoding === 'gzip' ? await unpack(bytes, { maxOutputLength: MAX_PLAIN_BYTES }) : bytes;
    const body: unknown = JSON.parse(plain.toString('utf8'));
    return isIngestBody(body) ? body : null;
  } catch {
    return null;
  }
}

function isIngestBody(value: unknown): value is IngestBody {
  if (!isObject(value)) return false;
  const { version, agentVersion, reports, inventory = {}, health = {} } = value;
  if (version !== 1 || typeof agentVersion !== 'string' || agentVersion.length > 40) return false;
  if (!isObject(inventory) || !isObject(health)) return false;
  if (!Array.isArray(reports) || reports.length > MAX_REPORTS || !reports.every(isReport)) return false;
  return new Set(reports.map((each) => `${each.windowStartMs} ${each.epoch}`)).size === reports.length;
}

function isReport(value: unknown): value is WindowReport {
  if (!isObject(value)) return false;
  const { windowStartMs, epoch, revision, devices, jobs } = value;
  const isWindow = isCount(windowStartMs) && windowStartMs % WINDOW_MS === 0;
  const isEpoch = typeof epoch === 'string' && /^[a-z0-9]{8,32}$/.test(epoch);
  if (!isWindow || !isEpoch || !isCount(revision) || revision === 0) return false;
  return Array.isArray(devices) && devices.every(isObject) && Array.isArray(jobs);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
