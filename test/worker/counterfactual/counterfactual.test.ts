/** The counterfactual through the public door: what agents reported, moved over a day of known intensities. */
import { beforeAll, describe, expect, test } from 'vitest';
import { epochMs, gramsPerKwh } from '../../../shared/units.ts';
import { keepForecast, readSeriesReach } from '../../../worker/storage/grid-forecasts.ts';
import { storeValues } from '../../../worker/storage/grid-writes.ts';
import { Shards } from '../../../worker/storage/shards.ts';
import { counterfactual } from '../../../worker/use-cases/counterfactual.ts';
import {
  ask,
  clock,
  DAY_MS,
  database,
  gpu,
  HOUR_MS,
  newNode,
  storeHours,
  WINDOW_MS,
} from '../emissions/support.ts';
import { recordingDatabase } from '../storage/recording-database.ts';

interface Sums {
  readonly energyKwh: number;
  readonly facilityEnergyKwh: number;
  readonly emittedGrams: number;
  readonly bestGrams: number;
  readonly savedGrams: number;
}
interface Spot {
  readonly start: string;
  readonly gridZone: string | null;
  readonly grams: number;
  readonly savedGrams: number;
}
interface Job extends Sums {
  readonly job: string;
  readonly bestStart: string;
  readonly bestGridZone: string | null;
  readonly gridZones: readonly string[];
  readonly latestStart: string;
  readonly inTime: Spot;
  readonly inPlace: Spot;
  readonly withForecast: Spot | null;
  readonly withForecastReason: string | null;
}
interface Answer {
  readonly totals: Sums & {
    readonly jobs: number;
    readonly savedRatio: number;
    readonly withForecast: object | null;
  };
  readonly projects: readonly (Sums & { readonly project: string | null; readonly jobs: number })[];
  readonly jobs: readonly Job[];
  readonly notLookedAt: { readonly jobs: number; readonly emittedGrams: number };
  readonly idle: { readonly energyKwh: number; readonly emittedGrams: number };
  readonly unattributed: { readonly energyKwh: number; readonly emittedGrams: number };
  readonly excluded: readonly { readonly job: string; readonly reason: string; readonly energyKwh: number }[];
  readonly excludedZones: readonly object[];
}

const GPU = 'GPU-00000000-0000-4000-8000-00000000000a';
/** 600 W over a window: 0.6 kWh in an hour. */
const ENERGY = 180_000_000;
const PUE_RATIO = 1.5;
const CALIFORNIA = [400, 300, 100, 200, 50, 500, 500, 500, 500, 500];
const FRANCE = [60, 60, 60, 60, 60, 60, 60, 60, 60, 60];
const NOW_MS = DAY_MS + 10 * HOUR_MS;

const TRAIN = 'slurm:c:1';
const BOTH = 'slurm:c:2';
const LONG = 'slurm:c:3';
const RUNNING = 'slurm:c:4';

const at = (hour: number) => new Date(DAY_MS + hour * HOUR_MS).toISOString();
const moved = (query: string) => ask<Answer>('GET', `/v1/fleet/counterfactual?${query}`);
const jobOf = (answer: Answer, id: string) => answer.jobs.find(({ job }) => job === id)!;
const close = (actual: number, expected: number) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-9 * Math.abs(expected));

/** Who has the GPU of each node, hour by hour; a job has two thirds of it, the rest is half idle, half nobody's. */
const HELD: Readonly<Record<string, readonly (string | null)[]>> = {
  sf: [TRAIN, BOTH, LONG, LONG, null, null, null, null, null, RUNNING],
  paris: [null, BOTH, null, null, null, null, null, null, null, null],
};

async function reportNode(site: string): Promise<void> {
  const node = await newNode(`moved-${site}`, site);
  const reports = HELD[site]!.flatMap((job, hour) =>
    Array.from({ length: 12 }, (_, window) => ({
      windowStartMs: DAY_MS + hour * HOUR_MS + window * WINDOW_MS,
      epoch: 'epoch0001',
      revision: 1,
      final: true,
      devices: [gpu(GPU, ENERGY, { idleMillijoules: job === null ? ENERGY : ENERGY / 6 })],
      jobs:
        job === null
          ? []
          : [
              {
                id: job,
                project: job === TRAIN ? 'llm' : 'other',
                devices: [{ id: GPU, energyMillijoules: (ENERGY * 2) / 3, allocatedMilliseconds: WINDOW_MS }],
              },
            ],
    })),
  );
  const body = { version: 1, sentAtMs: clock.nowMs, agentVersion: '0.1.0', reports };
  await ask('POST', '/v1/ingest', body, node.token);
}

beforeAll(async () => {
  await storeHours('US-CAL-CISO', CALIFORNIA);
  await storeHours('FR', FRANCE);
  await ask('POST', '/v1/sites', { id: 'sf', gridZone: 'US-CAL-CISO', pueRatio: PUE_RATIO });
  await ask('POST', '/v1/sites', { id: 'paris', gridZone: 'FR', pueRatio: 1 });
  clock.nowMs = NOW_MS;
  for (const site of ['sf', 'paris']) await reportNode(site);
});

test('a job waits for the best hours within its slack, and energy stays what it was', async () => {
  const train = jobOf(await moved('slackHours=3'), TRAIN);
  // 0.4 kWh x 1.5: one hour at 400; the third hour has 100.
  expect(train).toMatchObject({ bestStart: at(2), bestGridZone: 'US-CAL-CISO', energyKwh: 0.4 });
  close(train.facilityEnergyKwh, 0.6);
  close(train.emittedGrams, 0.6 * 400);
  close(train.bestGrams, 0.6 * 100);
  close(train.savedGrams, 0.6 * 300);
  const more = jobOf(await moved('slackHours=4'), TRAIN);
  expect(more.bestStart).toBe(at(4));
  close(more.bestGrams, 0.6 * 50);
  const none = jobOf(await moved('slackHours=0'), TRAIN);
  expect(none).toMatchObject({ bestStart: at(0), savedGrams: 0, bestGrams: none.emittedGrams });
});

test('another zone is charged with its own intensity and the PUE of where the job ran', async () => {
  const answer = await moved('slackHours=3&gridZones=FR');
  const train = jobOf(answer, TRAIN);
  expect(train).toMatchObject({ bestStart: at(0), bestGridZone: 'FR' });
  close(train.bestGrams, 0.6 * 60);
  close(train.inTime.grams, 0.6 * 100);
  expect(train.inPlace).toEqual({
    start: at(0),
    gridZone: 'FR',
    grams: train.bestGrams,
    savedGrams: train.savedGrams,
  });
  const byBoth = jobOf(await moved('slackHours=4&gridZones=FR'), TRAIN);
  expect(byBoth).toMatchObject({ bestStart: at(4), bestGridZone: 'US-CAL-CISO' });
});

test('a job on nodes in two zones moves as one, each part under its own grid', async () => {
  const both = jobOf(await moved('slackHours=2'), BOTH);
  expect(both).toMatchObject({ bestGridZone: null, bestStart: at(2), withForecast: null });
  expect(both.withForecastReason).toContain('several grid zones');
  expect([...both.gridZones].sort()).toEqual(['FR', 'US-CAL-CISO']);
  close(both.emittedGrams, 0.6 * 300 + 0.4 * 60);
  close(both.bestGrams, 0.6 * 100 + 0.4 * 60);
});

test('every job has what its own emissions say, and idle and unattributed what the fleet says', async () => {
  const answer = await moved('slackHours=6&gridZones=FR');
  expect(answer.jobs.map(({ job }) => job).sort()).toEqual([TRAIN, BOTH, LONG]);
  for (const { job, emittedGrams, energyKwh, facilityEnergyKwh, savedGrams, bestGrams } of answer.jobs) {
    const { totals } = await ask<{ totals: Record<string, number> }>('GET', `/v1/jobs/${job}/emissions`);
    close(emittedGrams, totals.operationalGrams!);
    close(energyKwh, totals.energyKwh!);
    close(facilityEnergyKwh, totals.facilityEnergyKwh!);
    close(savedGrams, emittedGrams - bestGrams);
  }
  const { totals } = await ask<{ totals: Record<string, number> }>('GET', '/v1/fleet/emissions');
  close(answer.idle.energyKwh, totals.idleEnergyKwh!);
  close(answer.idle.emittedGrams, totals.idleGrams!);
  close(answer.unattributed.energyKwh, totals.unattributedEnergyKwh!);
  close(answer.unattributed.emittedGrams, totals.unattributedGrams!);
  const moving = answer.totals.energyKwh + answer.idle.energyKwh + answer.unattributed.energyKwh;
  close(moving + answer.excluded.reduce((sum, { energyKwh }) => sum + energyKwh, 0), totals.energyKwh!);
  for (const name of ['emittedGrams', 'bestGrams', 'savedGrams', 'energyKwh'] as const) {
    close(
      answer.jobs.reduce((sum, job) => sum + job[name], 0),
      answer.totals[name],
    );
    close(
      answer.projects.reduce((sum, project) => sum + project[name], 0),
      answer.totals[name],
    );
  }
  expect(answer.projects.map(({ project, jobs }) => [project, jobs])).toEqual([
    ['llm', 1],
    ['other', 2],
  ]);
});

test('a job counts in the range that holds its start, whole; what may go on is not moved', async () => {
  const early = await moved(`from=${at(2)}&to=${at(2.5)}&slackHours=4`);
  // Two hours at 100 and 200, the second one after `to`.
  expect(early.jobs.map(({ job }) => job)).toEqual([LONG]);
  close(jobOf(early, LONG).emittedGrams, 0.6 * 300);
  const late = await moved(`from=${at(3)}&to=${at(4)}`);
  expect(late.totals.jobs).toBe(0);
  expect(late.excluded).toMatchObject([{ job: LONG, energyKwh: 0.4 }]);
  expect(late.excluded[0]!.reason).toContain('began before');
  const within = await moved(`from=${at(2.25)}&to=${at(2.5)}`);
  expect(within.excluded).toMatchObject([{ job: LONG, energyKwh: 0.1 }]);
  const whole = await moved('');
  expect(whole.excluded).toMatchObject([{ job: RUNNING, energyKwh: 0.4 }]);
  expect(whole.excluded[0]!.reason).toContain('still be running');
});

test('no start is looked at whose end has not come', async () => {
  const answer = await moved('slackHours=168');
  expect(jobOf(answer, TRAIN).latestStart).toBe(at(9));
  expect(jobOf(answer, LONG).latestStart).toBe(at(8));
});

test('jobs beyond the limit are summed apart, those with the most energy come first', async () => {
  const all = await moved('slackHours=3');
  const first = await moved('slackHours=3&limit=1');
  expect(first.jobs.map(({ job }) => job)).toEqual([all.jobs[0]!.job]);
  expect(first.notLookedAt.jobs).toBe(2);
  close(first.notLookedAt.emittedGrams + first.totals.emittedGrams, all.totals.emittedGrams);
  const ofProject = await moved('slackHours=3&project=llm');
  expect(ofProject.jobs.map(({ job }) => job)).toEqual([TRAIN]);
});

test('another basis is never mixed in: what has no series on it is excluded', async () => {
  const answer = await moved('signal=marginal&gridZones=FR');
  expect(answer.totals).toMatchObject({ jobs: 0, emittedGrams: 0, savedRatio: 0, withForecast: null });
  expect(answer.excludedZones).toEqual([{ gridZone: 'FR', reason: 'no series on this basis' }]);
  const reasons = new Map(answer.excluded.map(({ job, reason }) => [job, reason]));
  expect(reasons.get(TRAIN)).toBe('no series on this basis');
  expect(reasons.size).toBe(4);
});

describe('forecasts kept at the start', () => {
  const steps = (hours: readonly number[]) =>
    hours.map((grams, hour) => ({
      startMs: DAY_MS + hour * HOUR_MS,
      endMs: DAY_MS + (hour + 1) * HOUR_MS,
      gramsPerKwh: grams,
      lowGramsPerKwh: grams * 0.9,
      highGramsPerKwh: grams * 1.1,
    }));
  const keep = async (gridZone: string, issuedAtMs: number, hours: readonly number[]) => {
    const [series] = await readSeriesReach(database, [gridZone], { fromMs: DAY_MS, toMs: NOW_MS });
    const issue = { issuedAtMs, fetchedAtMs: issuedAtMs, method: null, steps: steps(hours) };
    await keepForecast(database, series!.id, issuedAtMs, issue);
  };

  test('none are kept: nothing is said of them', async () => {
    const train = jobOf(await moved('slackHours=3'), TRAIN);
    expect(train.withForecast).toBeNull();
    expect(train.withForecastReason).toContain('no forecast of US-CAL-CISO');
  });

  test('decided by what was known then, paid at what came', async () => {
    // Expects the fourth hour to be the best one; a later issue knew better.
    await keep('US-CAL-CISO', DAY_MS - HOUR_MS, [400, 300, 200, 20, 300, 300, 300, 300]);
    await keep('US-CAL-CISO', DAY_MS + HOUR_MS, [400, 300, 10, 200, 300, 300, 300, 300]);
    const answer = await moved('slackHours=3');
    const train = jobOf(answer, TRAIN);
    expect(train.withForecast).toMatchObject({ start: at(3), gridZone: 'US-CAL-CISO' });
    close(train.withForecast!.grams, 0.6 * 200);
    close(train.withForecast!.savedGrams, 0.6 * 200);
    // By the later issue this one stays, for its hours cannot be had earlier.
    const long = jobOf(answer, LONG);
    expect(long.withForecast).toMatchObject({ start: at(2), savedGrams: 0 });
    expect(answer.totals.withForecast).toMatchObject({ jobs: 2 });
  });

  test('a forecast may mislead, and then the saving is negative', async () => {
    await keep('FR', DAY_MS - HOUR_MS, [1, 1, 1, 1, 1, 1, 1, 1]);
    await storeValues(
      database,
      { gridZone: 'FR', basis: 'lifecycle', signal: 'average', scope: 'consumption', provider: 'recorded' },
      [
        {
          startMs: epochMs(DAY_MS),
          endMs: epochMs(DAY_MS + HOUR_MS),
          gramsPerKwh: gramsPerKwh(900),
          kind: 'measured',
          method: null,
          issuedAtMs: null,
        },
      ],
      NOW_MS,
    );
    const train = jobOf(await moved('slackHours=0&gridZones=FR'), TRAIN);
    expect(train).toMatchObject({ savedGrams: 0, bestGridZone: 'US-CAL-CISO' });
    expect(train.withForecast).toMatchObject({ gridZone: 'FR', start: at(0) });
    close(train.withForecast!.savedGrams, 0.6 * (400 - 900));
  });
});

test('what cannot be answered is named, with the fix', async () => {
  const problemOf = async (query: string) => {
    const response = await clock.call('GET', `/v1/fleet/counterfactual?${query}`);
    return { status: response.status, ...(await response.json<{ code: string; field?: string }>()) };
  };
  expect(await problemOf('gridZones=FR,XX')).toMatchObject({ code: 'unknown_grid_zone', field: 'gridZones' });
  expect(await problemOf(`from=${at(2)}&to=${at(1)}`)).toMatchObject({ code: 'invalid_parameter' });
  expect(await problemOf('slackHours=169')).toMatchObject({ code: 'invalid_parameter', field: 'slackHours' });
  expect(await problemOf('slackHours=1.5')).toMatchObject({ code: 'invalid_parameter', field: 'slackHours' });
  expect(await problemOf('gridZones=A,B,C,D,E,F,G,H,I,J,K')).toMatchObject({ field: 'gridZones' });
  expect(await problemOf('slack=3')).toMatchObject({ code: 'invalid_parameter' });
  expect(await problemOf('from=2022-01-01T00:00:00Z')).toMatchObject({ code: 'range_too_long', status: 400 });
});

const QUERY = {
  fromMs: DAY_MS,
  slackMs: 24 * HOUR_MS,
  gridZones: ['FR'],
  basis: 'lifecycle',
  signal: 'average',
  limit: 100,
  goesOnMs: 900_000,
} as const;

test('every bound is named where it is met, and what is beyond it is left out by name', async () => {
  const bounds = { nodeHours: 20_000, jobs: 5_000, work: 150_000_000 };
  const toMs = DAY_MS + 3 * HOUR_MS;
  const of = (less: Partial<typeof bounds>) =>
    counterfactual(new Shards([database]), { ...QUERY, toMs }, NOW_MS, { ...bounds, ...less });
  // Two nodes over three hours: no room for the fourth hour, in which one job goes on.
  const short = await of({ nodeHours: 6 });
  expect(short).toMatchObject({ ok: true, value: { excluded: [{ job: LONG }], totals: { jobs: 2 } } });
  expect(JSON.stringify(short)).toContain('goes on after `to` for 1 node-hours');
  expect(await of({ nodeHours: 7 })).toMatchObject({ value: { excluded: [], totals: { jobs: 3 } } });
  expect(await of({ nodeHours: 5 })).toMatchObject({ ok: false, problem: { code: 'range_too_long' } });
  expect(await of({ jobs: 2 })).toMatchObject({ ok: false, problem: { code: 'range_too_long' } });
  const lazy = await of({ work: 1 });
  expect(lazy).toMatchObject({ value: { totals: { jobs: 0 }, excluded: [{}, {}, {}] } });
  expect(JSON.stringify(lazy)).toContain('more than one answer computes');
});

test('the usual answer takes few queries', async () => {
  const { database: recording, recorded } = recordingDatabase(database);
  const answer = await counterfactual(new Shards([recording]), QUERY, NOW_MS);
  expect(answer).toMatchObject({ ok: true, value: { totals: { jobs: 3 } } });
  // Fleet, settings, hours and days, devices, jobs and where they ran; intensity and its order of trust; forecasts of each zone.
  expect(recorded.length).toBeLessThanOrEqual(9 + 2 + 2);
});

test('where nodes report each hour, a job of an hour ago may still be running', async () => {
  clock.nowMs = NOW_MS + HOUR_MS;
  expect((await moved('')).excluded).toEqual([]);
  await ask('PATCH', '/v1/settings', { reportEverySeconds: 3_600 });
  const { excluded } = await moved('');
  expect(excluded).toMatchObject([{ job: RUNNING }]);
  expect(excluded[0]!.reason).toContain('within the last 180 minutes');
});

test('what is compared is of one scope: the energy of a zone of the other is excluded, and can be asked for', async () => {
  await storeHours('SE-SE3', [20, 20, 20, 20, 20, 20, 20, 20, 20, 20], 'production');
  const used = await ask<Answer & { scope: string }>(
    'GET',
    '/v1/fleet/counterfactual?slackHours=0&gridZones=SE-SE3,FR',
  );
  expect(used.scope).toBe('consumption');
  expect(used.excludedZones).toEqual([
    { gridZone: 'SE-SE3', reason: 'no series on this basis of consumption' },
  ]);
  const made = await ask<Answer & { scope: string }>(
    'GET',
    '/v1/fleet/counterfactual?slackHours=0&gridZones=SE-SE3&scope=production',
  );
  expect(made.scope).toBe('production');
  expect(made.excludedZones).toEqual([]);
  expect(made.excluded.find(({ job }) => job === TRAIN)?.reason).toBe(
    'no series on this basis of production',
  );
});
