/** `wattshed when-green -- CMD`: waits for the best start, then runs CMD. */
import { type Api, ApiError } from '../../api/api-client.ts';
import { forecastPlan } from '../../green/forecast-plan.ts';
import { askGreenest, zonesOf } from '../../green/greenest-answer.ts';
import { createReporter, type Reporter } from '../../green/reporter.ts';
import { runJob } from '../../green/run-job.ts';
import { catchSignals, exitCodeOfSignal } from '../../green/signals.ts';
import { type Limit, type SeriesQuestion, thresholdPlan, usualOfZone } from '../../green/threshold-plan.ts';
import { type Outcome, type Plan, systemWallClock, waitForStart } from '../../green/wait.ts';
import { bothText, intensityText } from '../../green/words.ts';
import { API_OPTIONS, cliErrorOf, openApi } from '../api-access.ts';
import type { Command, OptionValues } from '../command.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { durationOption, momentOption, positiveOption, wordOption } from '../option-values.ts';
import { settingsFor } from '../settings.ts';
import { jobDuration, SERIES_OPTIONS } from './greenest.ts';

const HOUR_MS = 3_600_000;
const DEFAULT_SLACK_MS = 24 * HOUR_MS;
/** Of a job that does not say how long it runs. */
const DEFAULT_DURATION_MS = HOUR_MS;
const LOOK_EVERY_MS = { forecast: 300_000, threshold: 60_000 };

export const whenGreenCommand: Command = {
  name: 'when-green',
  operands: ['-- CMD...'],
  summary: 'waits for the best start, then runs CMD',
  details: [
    'Starts CMD at the greenest start that the forecast knows, at once where none is',
    'known to be better, and at the latest when it must: in 24 hours, or so that it',
    'has ended by --deadline after --duration (without one: begun by --deadline).',
    'With --below or --percentile it starts once the live intensity is at or below.',
    'A server that is away never keeps CMD from its deadline. Says what it does on',
    'standard error. Exits as CMD does; with 125 where CMD was never begun, and why.',
  ].join('\n'),
  options: {
    duration: { type: 'string', value: 'DURATION', about: 'how long CMD runs, such as 4h; default: 1h' },
    deadline: { type: 'string', value: 'WHEN', about: 'a duration from now, or an instant with its zone' },
    below: { type: 'string', value: 'G', about: 'start at or below G gCO2eq/kWh' },
    percentile: {
      type: 'string',
      value: 'P',
      about: 'the same by percentile of the last 30 days, 1 to 99',
    },
    zone: { type: 'string', value: 'KEY', about: 'its grid zone; default: gridZone, else by token' },
    power: { type: 'string', value: 'WATTS', about: 'of the whole job, to say the saving in grams' },
    ...SERIES_OPTIONS,
    'check-every': {
      type: 'string',
      value: 'DURATION',
      about: 'ask so often; default: 5m, with a limit 1m',
    },
    json: { type: 'boolean', about: 'a JSON object a line on standard error' },
    ...API_OPTIONS,
  },
  takesCommand: true,
  async run(io, options, command) {
    const { config } = settingsFor(io, options);
    const zone = options.zone ?? config.gridZone ?? null;
    const given = {
      durationMs: jobDuration(options),
      below: positiveOption(options, 'below', 'gCO2eq/kWh'),
      percentile: percentileOption(options),
      powerWatts: positiveOption(options, 'power', 'watts'),
      lookEveryMs: durationOption(options, 'check-every'),
      basis: wordOption(options, 'basis', ['lifecycle', 'direct']),
      signal: wordOption(options, 'signal', ['average', 'marginal']),
    };
    if (given.below !== null && given.percentile !== null)
      throw new CliError(EXIT.usage, '--below and --percentile are two limits: give one of them');
    const latestStartMs = latestStart(options, given.durationMs);
    const signals = catchSignals(process.stdin.isTTY === true);
    const reporter = createReporter({
      write: io.err,
      json: options.json === true,
      isTerminal: process.stderr.isTTY === true,
      latestStartMs,
    });
    const api = await openApi(io, options, config);
    const look = lookFor(
      api,
      { ...given, gridZone: zone === null ? null : String(zone), latestStartMs },
      reporter,
    );
    const isThreshold = given.below !== null || given.percentile !== null;
    const outcome = await waitForStart({
      clock: systemWallClock,
      look,
      troubleOf,
      latestStartMs,
      lookEveryMs: given.lookEveryMs ?? LOOK_EVERY_MS[isThreshold ? 'threshold' : 'forecast'],
      signal: signals.stopped,
      planned: reporter.planned,
      trouble: (message) =>
        reporter.say('trouble', `${message}; it starts ${bothText(latestStartMs)} at the latest`, {
          detail: message,
        }),
      passing: reporter.passing,
    });
    const stoppedBy = signals.stoppedBy();
    if (stoppedBy !== null) {
      reporter.say('stopped', `stopped by ${stoppedBy}; the command was not run`, { signal: stoppedBy });
      return exitCodeOfSignal(stoppedBy);
    }
    sayStart(outcome, reporter);
    const end = await runJob(command, signals);
    if (end.kind === 'notStarted') {
      reporter.say('notStarted', end.message, { detail: end.message });
      return end.isMissing ? EXIT.commandMissing : EXIT.commandNotRunnable;
    }
    if (options.json === true) reporter.say('ended', '', { exitCode: end.exitCode, signal: end.signal });
    return end.exitCode;
  },
};

interface Wish extends Omit<SeriesQuestion, 'gridZone'> {
  /** Null: the only one that the token's answer speaks of. */
  readonly gridZone: string | null;
  readonly durationMs: number | null;
  readonly below: number | null;
  readonly percentile: number | null;
  readonly powerWatts: number | null;
  readonly latestStartMs: number;
}

/** What is asked at each look; zone and limit are found at the first one that is answered. */
function lookFor(api: Api, wish: Wish, reporter: Reporter): (previous: Plan | null) => Promise<Plan> {
  let gridZone = wish.gridZone;
  let limit: Limit | null = wish.below === null ? null : { atMostGramsPerKwh: wish.below, scope: null };
  return async (previous) => {
    gridZone ??= await onlyZone(api, wish);
    const series = { gridZone, basis: wish.basis, signal: wish.signal };
    if (wish.percentile !== null) limit ??= await percentileLimit(api, series, wish.percentile, reporter);
    if (limit !== null) return thresholdPlan(api, series, limit, previous);
    const { latestStartMs, powerWatts } = wish;
    const durationMs = wish.durationMs ?? DEFAULT_DURATION_MS;
    return forecastPlan(api, { ...series, durationMs, latestStartMs, powerWatts }, previous);
  };
}

async function onlyZone(api: Api, { basis, signal }: Wish): Promise<string> {
  const answer = await askGreenest(api, {
    ...{ gridZones: [], durationMs: HOUR_MS, notBeforeMs: null, deadlineMs: null, powerWatts: null },
    ...{ interruptible: false, basis, signal },
  });
  const [zone, ...others] = zonesOf(answer);
  if (zone !== undefined && others.length === 0) return zone;
  const which =
    zone === undefined ? 'no site of the server has one' : `one of ${[zone, ...others].join(', ')}`;
  throw new CliError(EXIT.usage, `in which grid zone does the command run? --zone names it: ${which}`);
}

async function percentileLimit(
  api: Api,
  series: SeriesQuestion,
  percentile: number,
  reporter: Reporter,
): Promise<Limit> {
  const usual = await usualOfZone(api, series);
  if (usual === null) {
    throw new CliError(
      EXIT.failed,
      `${series.gridZone} had no live intensity in the last 30 days, so it has no percentile: use --below, or leave both away`,
    );
  }
  const atMostGramsPerKwh = usual.quantilesGramsPerKwh[percentile]!;
  const days = Math.floor(usual.days * 10) / 10;
  reporter.say(
    'limit',
    `P${percentile} of ${series.gridZone} over the last ${days} days is ${intensityText(atMostGramsPerKwh)}`,
    {
      ...{ gridZone: series.gridZone, percentile, atMostGramsPerKwh, days },
    },
  );
  return { atMostGramsPerKwh, scope: usual.scope };
}

/** A refused token or a wrong question ends it before any answer; later nothing does. */
function troubleOf(error: unknown, first: boolean): string | null {
  const cliError = cliErrorOf(error);
  if (cliError === null) return null;
  const isPassing = cliError.exitCode === EXIT.unreachable;
  // Near its deadline the clocks of both sides may disagree about what is possible.
  const isLate = error instanceof ApiError && error.field === 'deadline';
  if (first && !isPassing && !isLate) throw cliError;
  return isPassing ? `the server cannot be asked (${cliError.message})` : cliError.message;
}

function sayStart(outcome: Outcome, reporter: Reporter): void {
  if (outcome.kind === 'start') {
    const { reason, text, fields } = outcome.plan;
    const why = reason === 'greenest' ? 'the greenest start is here' : text;
    reporter.say('started', `starts now: ${why}`, { reason, ...fields });
  } else if (outcome.kind === 'deadline') {
    const { trouble, plan } = outcome;
    const why = trouble ?? (plan === null ? 'the server did not answer in time' : plan.text);
    reporter.say('started', `starts now, at its deadline: ${why}`, { reason: 'deadline', detail: why });
  }
}

/** Of a job that ends by the deadline; with no duration, that begins by it. */
function latestStart(options: OptionValues, durationMs: number | null): number {
  const nowMs = Date.now();
  const deadlineMs = momentOption(options, 'deadline', nowMs);
  return deadlineMs === null ? nowMs + DEFAULT_SLACK_MS : deadlineMs - (durationMs ?? 0);
}

function percentileOption(options: OptionValues): number | null {
  const { percentile } = options;
  if (percentile === undefined) return null;
  const number = /^\d{1,2}$/.test(String(percentile)) ? Number(percentile) : 0;
  if (number < 1)
    throw new CliError(EXIT.usage, `--percentile must be a whole number from 1 to 99, not "${percentile}"`);
  return number;
}
