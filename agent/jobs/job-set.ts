/** All sources of jobs as one: a look at them says who holds this host's devices now. */
import { type Allocation, allocationOf, type JobClaim } from '../../shared/metering/allocation.ts';
import type { Meter, Reading } from '../../shared/metering/reading.ts';
import type { JobAttribution, SensorHealth } from '../../shared/wire/ingest.ts';
import type { Clock } from '../clock.ts';
import type { HostPaths } from '../inventory/host-paths.ts';
import { plainText } from '../inventory/plain-text.ts';
import type { Outcome } from '../sensors/sensor.ts';
import { onlineCpus } from './cgroup-tree.ts';
import { type GpuNames, readGpuNames } from './gpu-names.ts';
import { jobIdOf, labelText, type UserChoice, userName } from './job-names.ts';
import type { JobSighting, JobSource, Sightings } from './job-source.ts';
import { claimsOf, mergeSightings, unknownOwners, usageOf } from './merge-sightings.ts';
import { seenProcesses } from './process-owners.ts';

/** A source that does not answer must not hold the others back. */
const PATIENCE_MS = 2_000;
/** What a source said holds for this long while it fails. */
const KEEP_MS = 60_000;
/** The reports hold no more. */
const MAX_JOBS = 200;
const LATE: Outcome<never> = { state: 'failed', detail: `no answer within ${PATIENCE_MS / 1000} s` };
/** Of no use where a scheduler answers. */
const BESIDE_NO_SCHEDULER = ['docker', 'dcgm-exporter'];
const MAX_DETAIL = 1_024;
const MAX_FIX = 2_048;

export interface JobSetOptions {
  readonly sources: readonly JobSource[];
  readonly paths: HostPaths;
  readonly clock: Pick<Clock, 'monotonicNow'>;
  /** Of all jobs here; null: as the scheduler calls itself. */
  readonly cluster: string | null;
  readonly users: UserChoice;
  readonly userSalt: string;
  /** Whether processes stand in for an allocation that nobody tells. */
  readonly useProcesses: boolean;
}

/** A job that runs now, for people. */
export interface RunningJob {
  readonly id: string;
  readonly user: string | null;
  readonly project: string | null;
  readonly phase: string | null;
  /** Device ids; null where they are not known. */
  readonly gpus: readonly string[] | null;
  readonly cores: number | null;
  /** How it came to its GPUs, or to its cores where the host has none; null where it holds nothing that is metered. */
  readonly attribution: JobAttribution | null;
}

export interface JobLook {
  readonly allocation: Allocation;
  readonly jobs: readonly RunningJob[];
}

export interface JobSet {
  /** Asks every source; takes two seconds at most. Never throws. */
  look(meters: readonly Meter[], readings: readonly Reading[]): Promise<JobLook>;
  /** One line per source. */
  health(): readonly SensorHealth[];
  /** Folders whose change tells that a job came or went. */
  watched(): readonly string[];
}

interface Slot {
  readonly source: JobSource;
  health: SensorHealth;
  asking: boolean;
  answer: Sightings | null;
  answeredAtMs: number;
}

export function createJobSet(options: JobSetOptions): JobSet {
  const { paths, clock } = options;
  const slots = options.sources.map(
    (source): Slot => ({
      source,
      health: { sensor: `jobs: ${source.name}`, state: 'absent', detail: 'not looked for yet' },
      asking: false,
      answer: null,
      answeredAtMs: 0,
    }),
  );

  let lastSeen: readonly JobSighting[] = [];
  /** Of these meters: the sensors make a new list whenever they look for changed devices. */
  let namedMeters: readonly Meter[] = [];
  let names: GpuNames | null = null;

  async function ask(slot: Slot, meters: readonly Meter[]): Promise<void> {
    // The last question is still open: another one would wait behind it.
    if (slot.asking) return settle(slot, LATE);
    slot.asking = true;
    const answer = slot.source
      .look(meters)
      .catch((error: unknown): Outcome<never> => ({ state: 'failed', detail: String(error) }))
      .then((outcome) => {
        slot.asking = false;
        settle(slot, outcome);
      });
    const timeUp = waitFor(PATIENCE_MS);
    await Promise.race([answer, timeUp.over]);
    timeUp.cancel();
    if (slot.asking) settle(slot, LATE);
  }

  function settle(slot: Slot, outcome: Outcome<Sightings>): void {
    const { name } = slot.source;
    const fix = outcome.state === 'ready' ? outcome.value.fix : 'fix' in outcome ? outcome.fix : undefined;
    slot.health = {
      sensor: `jobs: ${name}`,
      state: outcome.state,
      detail: plainText(outcome.detail, MAX_DETAIL, name),
      ...(fix !== undefined && { fix: plainText(fix, MAX_FIX, name) }),
    };
    if (outcome.state === 'ready') {
      slot.answer = outcome.value;
      slot.answeredAtMs = clock.monotonicNow();
    } else if (outcome.state === 'absent' || clock.monotonicNow() - slot.answeredAtMs > KEEP_MS)
      slot.answer = null;
  }

  /**
   * Docker gives nothing out: beside a scheduler its containers are services, or that scheduler's own. An exporter repeats
   * what a scheduler gave out, some seconds late.
   */
  function usedSlots(): Slot[] {
    const scheduler = slots.find(({ answer }) => answer?.vouches);
    if (scheduler === undefined) return slots;
    const needless = slots.filter(({ source }) => BESIDE_NO_SCHEDULER.includes(source.name));
    for (const slot of needless)
      if (slot.health.state !== 'absent')
        slot.health = {
          sensor: slot.health.sensor,
          state: 'standby',
          detail: `not used: ${scheduler.source.name} gives out this host`,
        };
    return slots.filter((slot) => !needless.includes(slot));
  }

  return {
    async look(meters, readings) {
      const atMs = clock.monotonicNow();
      await Promise.all(slots.map((slot) => ask(slot, meters)));
      const used = usedSlots();
      const known = mergeSightings(
        used.flatMap(({ answer }) => answer?.jobs ?? []),
        lastSeen,
      );
      lastSeen = known;
      if (names === null || namedMeters !== meters) names = await readGpuNames(paths, meters);
      namedMeters = meters;
      const cores = onlineCpus(paths.sysRoot);
      const seen = options.useProcesses ? seenProcesses(paths, meters, readings) : [];
      const all = [...known, ...unknownOwners(known, seen)];
      const claimed = claimsOf(names, all.slice(0, MAX_JOBS), seen).map(
        ({ sighting, claim, byProcesses }) => ({
          sighting,
          byProcesses,
          id: jobIdOf(sighting, options.cluster ?? sighting.cluster ?? 'default'),
          claim,
          user: userName(sighting.user, options.users, options.userSalt),
          project: labelText(sighting.project, 256),
          phase: labelText(sighting.phase, 64),
        }),
      );
      const claims = claimed.map(({ id, claim, user, project, phase }): JobClaim => {
        const labels = {
          ...(project !== null && { project }),
          ...(user !== null && { user }),
          ...(phase !== null && { phase }),
        };
        return { ...claim, id, labels };
      });
      const complete =
        used.some(({ answer }) => answer?.vouches) &&
        used.every(({ health }) => health.state === 'ready' || health.state === 'absent') &&
        claimed.every(({ byProcesses }) => !byProcesses) &&
        all.length <= MAX_JOBS;
      const allocation = allocationOf({
        atMs,
        claims,
        gpuIds: names.deviceIds,
        cores,
        complete,
        usage: usageOf(claimed, seen),
      });
      return {
        allocation,
        jobs: claimed.map(({ id, user, project, phase, claim }) => ({
          id,
          user,
          project,
          phase,
          gpus: claim.gpus?.map((gpu) => gpu.deviceId) ?? null,
          cores: claim.cores,
          attribution: allocation.host.shares.find(({ jobId }) => jobId === id)?.attribution ?? null,
        })),
      };
    },
    health: () => slots.map(({ health }) => health),
    watched: () => slots.flatMap(({ source }) => source.watched),
  };
}

function waitFor(milliseconds: number): { readonly over: Promise<void>; readonly cancel: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  return { over, cancel: () => clearTimeout(timer) };
}
