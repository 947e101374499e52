/** What an estimate says of the hardware: power, host and making, from what the request names or the catalog knows. */
import { type CatalogEntry, type HardwareCatalog, sourceOf } from '../../shared/embodied/catalog.ts';
import {
  assumedPowerSupplies,
  type HardwarePart,
  HOST_PARTS,
  partFootprint,
} from '../../shared/embodied/footprint.ts';
import type { EmbodiedKilograms, EstimateInput } from '../../shared/estimate/estimate.ts';
import { modelledPower, POWER_MODEL_SOURCES, type PowerEstimate } from '../../shared/estimate/power-model.ts';
import { fail, ok, type Result } from '../http/problem.ts';

/** Hardware parts of a host, as a request gives them. */
export interface HostPart {
  readonly type: 'cpu' | 'memory' | 'ssd' | 'hdd';
  readonly name?: string | undefined;
  readonly capacityGigabytes?: number | undefined;
  readonly count: number;
}

/** A figure of making something that is not the catalog's. */
export interface GivenEmbodied {
  readonly kgCo2eq: number;
  readonly source: string;
}

export interface HostRequest {
  readonly devicesPerHost: number;
  readonly powerWatts?: number | undefined;
  readonly parts?: readonly HostPart[] | undefined;
  readonly embodied?: GivenEmbodied | undefined;
}

export interface PowerRequest {
  readonly utilizationRatio?: number | undefined;
  readonly powerWatts?: number | undefined;
}

/** What had to be assumed, and where the figures come from. */
export class Notes {
  readonly assumptions: string[] = [];
  readonly sources: string[] = [];

  assume(text: string): void {
    this.assumptions.push(text);
  }

  cite(...texts: readonly string[]): void {
    this.sources.push(...texts);
  }
}

const exactly = (kgCo2eq: number): EmbodiedKilograms => ({ kgCo2eq, low: kgCo2eq, high: kgCo2eq });
const watts = (value: number): PowerEstimate => ({ watts: value, wattsLow: value, wattsHigh: value });

export function powerOf(request: PowerRequest, entry: CatalogEntry, notes: Notes): Result<PowerEstimate> {
  const { powerWatts, utilizationRatio } = request;
  if (powerWatts !== undefined) return ok(watts(powerWatts));
  if (utilizationRatio === undefined)
    return fail(
      'invalid_body',
      '/powerWatts: missing; give powerWatts (mean of one piece) or utilizationRatio.',
      '/powerWatts',
    );
  if (entry.tdpWatts === undefined || entry.tdpWatts === null)
    return fail(
      'invalid_body',
      `/powerWatts: no rated power is known of ${entry.name}, so utilization says nothing of its power; give powerWatts.`,
      '/powerWatts',
    );
  const power = modelledPower(entry.tdpWatts, utilizationRatio);
  const [mean, low, high] = [power.watts, power.wattsLow, power.wattsHigh].map((value) => value.toFixed(0));
  notes.assume(
    `Power: ${mean} W (${low} to ${high} W) for each piece, modelled from a rated power of ${entry.tdpWatts} W at a utilization of ${utilizationRatio}.`,
  );
  notes.cite(...POWER_MODEL_SOURCES.map((source) => `power model, ${source}`));
  return ok(power);
}

export function hostOf(
  host: HostRequest | undefined,
  entry: CatalogEntry,
  catalog: HardwareCatalog,
  notes: Notes,
): Result<EstimateInput['host']> {
  if (host === undefined) {
    if (entry.kind === 'gpu' || entry.kind === 'cpu')
      notes.assume('Host: neither its energy nor its making is counted; `host` adds them.');
    return ok(null);
  }
  if (entry.kind === 'server' || entry.kind === 'tpu')
    return fail(
      'invalid_body',
      `/host: the figures of ${entry.name} have a host in them; leave it out.`,
      '/host',
    );
  if (host.powerWatts === undefined)
    notes.assume('Power of the host: not counted; `host.powerWatts` adds it (without its devices).');
  const power = watts(host.powerWatts ?? 0);
  const { devicesPerHost } = host;
  const gpuCount = entry.kind === 'gpu' ? devicesPerHost : 0;
  if (host.embodied !== undefined) {
    notes.cite(`making of the host: ${host.embodied.source}`);
    return ok({ power, devicesPerHost, embodied: exactly(host.embodied.kgCo2eq) });
  }
  return ok({ power, devicesPerHost, embodied: madeOf(host.parts ?? [], catalog, gpuCount, notes) });
}

const GIGABYTE = { memory: 2 ** 30, ssd: 1e9, hdd: 1e9, cpu: 0 } as const;

/** The parts and what every host has. */
function madeOf(
  parts: readonly HostPart[],
  catalog: HardwareCatalog,
  gpuCount: number,
  notes: Notes,
): EmbodiedKilograms {
  const all: { readonly part: HardwarePart; readonly count: number }[] = [
    ...parts.map(({ type, name = '', capacityGigabytes = 0, count }) => ({
      part: { type, name, capacityBytes: capacityGigabytes * GIGABYTE[type] },
      count,
    })),
    ...HOST_PARTS.map(({ type, name }) => ({ part: { type, name, capacityBytes: null }, count: 1 })),
  ];
  const sum = { kgCo2eq: 0, low: 0, high: 0 };
  for (const { part, count } of all) {
    const { grams, gramsLow, gramsHigh, entries } = partFootprint(part, catalog, gpuCount);
    sum.kgCo2eq += (count * grams) / 1_000;
    sum.low += (count * gramsLow) / 1_000;
    sum.high += (count * gramsHigh) / 1_000;
    for (const each of entries) notes.cite(...sourcesOf(each));
  }
  const supplies = assumedPowerSupplies(gpuCount).value;
  notes.assume(
    `Host: one chassis, motherboard, assembly and ${supplies} power supplies beside the parts given.`,
  );
  return sum;
}

const sourcesOf = (entry: CatalogEntry) =>
  entry.sources.map((key) => `making of ${entry.name}: ${sourceOf(key)}`);

export function embodiedOf(
  given: GivenEmbodied | undefined,
  entry: CatalogEntry,
  notes: Notes,
): EmbodiedKilograms {
  if (given !== undefined) {
    notes.cite(`making of ${entry.name}: ${given.source}`);
    return exactly(given.kgCo2eq);
  }
  notes.cite(...sourcesOf(entry));
  return { kgCo2eq: entry.kgCo2eq, low: entry.low, high: entry.high };
}
