/**
 * Which node a host is that enrols. The machine's id tells most of it, but boards and images come with one id for many:
 * then GPUs, which have ids that nobody copies, or the name tell two hosts apart that are up at the same time.
 */
import type { HostIdentity, Lookalike } from '../storage/hosts.ts';
import { nodeIdBase } from './node-id.ts';

/**
 * Null where none of those that look like it is this host. `candidates`: nodes of the same machine id; one that was not heard
 * of since `silentSinceMs` does not report.
 */
export function knownHost<T extends Lookalike>(
  candidates: readonly T[],
  host: HostIdentity,
  silentSinceMs: number,
): T | null {
  const own = candidates.filter((candidate) => !isAnother(candidate, host, silentSinceMs));
  return own.reduce<T | null>(
    (best, each) => (best === null || likeness(each, host) > likeness(best, host) ? each : best),
    null,
  );
}

/**
 * Certainly not this host: it reports at this moment, and shares no GPU with it or, where one of them has none, has
 * another name. A node that is silent may be this host after a repair, with other GPUs or under another name.
 */
function isAnother(node: Lookalike, { hostname, gpuIds }: HostIdentity, silentSinceMs: number): boolean {
  const isReporting =
    node.retiredAtMs === null &&
    // One that enrolled a moment ago is up as well: its first report is on its way.
    Math.max(node.enrolledAtMs, node.lastReportAtMs ?? 0) >= silentSinceMs;
  if (!isReporting || gpuIds === undefined || node.sharedGpus > 0) return false;
  if (gpuIds.length > 0 && node.isSame) return false;
  if (gpuIds.length > 0 && node.gpus > 0) return true;
  return nodeIdBase(hostname) !== nodeIdBase(node.hostname);
}

/** The same fingerprint before a shared GPU, that before the same name, that before being in use; of equals the newest. */
function likeness(node: Lookalike, { hostname }: HostIdentity): number {
  return (
    Number(node.isSame) * 8 +
    Number(node.sharedGpus > 0) * 4 +
    Number(nodeIdBase(node.hostname) === nodeIdBase(hostname)) * 2 +
    Number(node.retiredAtMs === null)
  );
}
