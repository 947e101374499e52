/**
 * What a host without energy counters gets: recorded power, finer than a second, through the real meter. Fed whole it must
 * agree with a plain trapezoid; sampled once a second, as the agent does, its error against that is the figure.
 */
import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { newMeterState } from '../../shared/metering/meter-state.ts';
import { resumeMetering } from '../../shared/metering/metering.ts';
import type { Meter } from '../../shared/metering/reading.ts';
import { monotonicMs, watts } from '../../shared/units.ts';
import type { Figure } from '../figures.ts';

/** The agent's rules: one sample a second, no line over a longer silence. */
const STEP_MS = 1_000;
const LONGEST_LINE_MS = 10_000;
const FINE_STEP_MS = 500;

interface Sample {
  readonly atMs: number;
  readonly powerWatts: number;
}

/** @param folder of `*.csv.gz` as docs/agent.md describes under "Replaying a trace" */
export async function sampling(folder: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith('.csv.gz'))
    .sort()) {
    const name = file.replace('.csv.gz', '');
    const devices = [...(await readSamples(join(folder, file)))].filter(
      ([, samples]) => samples.length > 100,
    );
    if (devices.length === 0) continue;
    const errors = devices.map(([device, samples]) => ({ device, ...errorsOf(samples) }));
    const worst = (pick: (one: (typeof errors)[number]) => number) =>
      Math.max(...errors.map((one) => Math.abs(pick(one))));
    const total = (pick: (one: (typeof errors)[number]) => number) =>
      errors.reduce((sum, one) => sum + pick(one), 0);
    const whole = total((one) => one.sampledJoules) / total((one) => one.referenceJoules) - 1;
    // Slower recordings say nothing of what a second leaves out.
    if (devices.every(([, samples]) => isFine(samples)))
      figures.push({
        name: `agent.sampling_error{${name}}`,
        value: whole * 100,
        unit: '%',
        note: `once a second against every sample, ${devices.length} devices; single ones within ${(worst((one) => one.sampledError) * 100).toFixed(2)} %`,
      });
    figures.push({
      name: `agent.whole_trace_error{${name}}`,
      value: worst((one) => one.wholeError) * 100,
      unit: '%',
      note: 'every sample through the meter, largest of a device; must stay within 0.1',
    });
  }
  return figures;
}

function errorsOf(samples: readonly Sample[]) {
  const referenceJoules = trapezoid(samples);
  const sampledJoules = metered(oncePerSecond(samples));
  return {
    referenceJoules,
    sampledJoules,
    sampledError: sampledJoules / referenceJoules - 1,
    wholeError: metered(samples) / referenceJoules - 1,
  };
}

function isFine(samples: readonly Sample[]): boolean {
  const steps = samples.slice(1).map(({ atMs }, i) => atMs - samples[i]!.atMs);
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)]! <= FINE_STEP_MS;
}

/** Joules, written apart from the product. */
function trapezoid(samples: readonly Sample[]): number {
  let joules = 0;
  for (let i = 1; i < samples.length; i++) {
    const a = samples[i - 1]!;
    const b = samples[i]!;
    const spanMs = b.atMs - a.atMs;
    if (spanMs <= LONGEST_LINE_MS) joules += ((a.powerWatts + b.powerWatts) / 2) * (spanMs / 1_000);
  }
  return joules;
}

/** What a sensor shows when it is looked at each second: its newest sample, at the instant of the look. */
function oncePerSecond(samples: readonly Sample[]): Sample[] {
  const looks: Sample[] = [];
  let next = 0;
  let newest: Sample | null = null;
  for (let atMs = samples[0]!.atMs; atMs <= samples.at(-1)!.atMs; atMs += STEP_MS) {
    for (let sample = samples[next]; sample !== undefined && sample.atMs <= atMs; sample = samples[++next])
      newest = sample;
    // A logger that was off has nothing to show.
    if (newest !== null && atMs - newest.atMs <= STEP_MS) looks.push({ atMs, powerWatts: newest.powerWatts });
  }
  return looks;
}

const METER: Meter = {
  id: 'trace:0',
  sensor: 'trace',
  deviceId: 'gpu-0',
  deviceType: 'gpu',
  deviceName: 'trace',
  scope: 'device',
  powerKind: 'integrated',
  // Some traces are of whole nodes.
  maxPlausibleWatts: watts(30_000),
};

/** Joules that the meter books. */
function metered(samples: readonly Sample[]): number {
  const metering = resumeMetering(newMeterState('benchmark', 'boot'), 'boot', monotonicMs(samples[0]!.atMs));
  metering.setMeters([METER]);
  let millijoules = 0;
  const take = () => {
    for (const { final, devices } of metering.takeReports(() => ''))
      if (final) for (const { energyMillijoules } of devices) millijoules += energyMillijoules;
  };
  for (const [index, { atMs, powerWatts }] of samples.entries()) {
    const at = monotonicMs(atMs);
    metering.observe({
      readings: [{ meterId: METER.id, atMs: at, powerWatts: watts(powerWatts) }],
      atMs: at,
      wallMs: atMs,
    });
    if (index % 1_000 === 0) take();
  }
  // Long after the end no window is open any more.
  const over = samples.at(-1)!.atMs + 3_600_000;
  metering.observe({ readings: [], atMs: monotonicMs(over), wallMs: over });
  take();
  return millijoules / 1_000;
}

async function readSamples(path: string): Promise<Map<number, Sample[]>> {
  const devices = new Map<number, Sample[]>();
  const lines = createInterface({ input: createReadStream(path).pipe(createGunzip()) });
  for await (const line of lines) {
    const [atMs, device, , powerWatts] = line.split(',');
    const sample = { atMs: Number(atMs), powerWatts: Number(powerWatts) };
    if (powerWatts === undefined || powerWatts === '' || !Number.isFinite(sample.atMs + sample.powerWatts))
      continue;
    const samples = devices.get(Number(device)) ?? [];
    devices.set(Number(device), samples);
    if (sample.atMs > (samples.at(-1)?.atMs ?? -1)) samples.push(sample);
  }
  return devices;
}
