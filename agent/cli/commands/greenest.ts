/** `wattshed greenest`: the best start for a job, by the forecasts of its grid. */
import { SCOPES } from '../../../shared/grid/intensity.ts';
import { askGreenest, DURATION_LIMITS, type GreenestAnswer, zonesOf } from '../../green/greenest-answer.ts';
import { greenestText, worthText } from '../../green/greenest-text.ts';
import { durationText } from '../../green/words.ts';
import { API_OPTIONS, answered, openApi } from '../api-access.ts';
import type { Command, Option, OptionValues } from '../command.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { durationOption, momentOption, positiveOption, wordOption } from '../option-values.ts';
import { settingsFor } from '../settings.ts';

/** Options about the series that is looked at. */
export const SERIES_OPTIONS: { readonly [name: string]: Option } = {
  basis: { type: 'string', value: 'BASIS', about: 'lifecycle (default) or direct' },
  signal: { type: 'string', value: 'SIGNAL', about: 'average (default) or marginal' },
};

export const greenestCommand: Command = {
  name: 'greenest',
  operands: [],
  summary: 'finds the best start for a job, and what waiting saves',
  details: [
    'DURATION is 4h, 90m or 1h30m; WHEN is such a duration from now, or an instant',
    'with its zone. The first of several zones is where the job would run otherwise.',
    'Asks with the token in WATTSHED_TOKEN or --token-file (scope read), else with',
    "that of this host, which knows its own site's zone alone.",
    'Exits with 1 where no zone can be judged.',
  ].join('\n'),
  options: {
    duration: { type: 'string', value: 'DURATION', about: 'how long the job runs; required' },
    zones: {
      type: 'string',
      value: 'A,B',
      about: 'grid zones; default: gridZone, else by token',
    },
    deadline: { type: 'string', value: 'WHEN', about: 'it has ended by then; default: a day of slack' },
    'not-before': { type: 'string', value: 'WHEN', about: 'it starts no earlier; default: now' },
    interruptible: { type: 'boolean', about: 'it may pause: the cleanest hours, wherever they lie' },
    power: { type: 'string', value: 'WATTS', about: 'of the whole job; default: 1000' },
    ...SERIES_OPTIONS,
    scope: {
      type: 'string',
      value: 'SCOPE',
      about: 'consumption or production; default: that of the first zone',
    },
    json: { type: 'boolean', about: "the server's answer as JSON" },
    'begin-slurm': { type: 'boolean', about: 'the start alone, as sbatch --begin takes it' },
    ...API_OPTIONS,
  },
  async run(io, options) {
    const nowMs = Date.now();
    const { config } = settingsFor(io, options);
    const query = {
      gridZones: zoneKeys(options.zones ?? config.gridZone ?? undefined),
      durationMs: jobDuration(options) ?? missingDuration(),
      notBeforeMs: momentOption(options, 'not-before', nowMs),
      deadlineMs: momentOption(options, 'deadline', nowMs),
      powerWatts: positiveOption(options, 'power', 'watts'),
      interruptible: options.interruptible === true,
      basis: wordOption(options, 'basis', ['lifecycle', 'direct']),
      signal: wordOption(options, 'signal', ['average', 'marginal']),
      scope: options.scope === undefined ? undefined : wordOption(options, 'scope', SCOPES),
    };
    const answer = await answered(askGreenest(await openApi(io, options, config), query));
    const forSlurm = options['begin-slurm'] === true;
    if (options.json === true) io.out(`${JSON.stringify(answer, null, 2)}\n`);
    else if (!forSlurm && answer.best !== null) io.out(greenestText(answer, nowMs));
    if (answer.best === null) throw new CliError(EXIT.failed, whyNone(answer));
    if (forSlurm) {
      io.out(`${slurmBegin(answer, nowMs)}\n`);
      io.err(`wattshed: ${worthText(answer)}\n`);
    }
    return EXIT.ok;
  },
};

/** Within what the server takes; null where it is not given. */
export function jobDuration(options: OptionValues): number | null {
  const ms = durationOption(options, 'duration');
  const { leastMs, mostMs } = DURATION_LIMITS;
  if (ms !== null && (ms < leastMs || ms > mostMs)) {
    throw new CliError(
      EXIT.usage,
      `--duration must be from ${durationText(leastMs)} to ${durationText(mostMs)}, as far as forecasts look, not ${options.duration}`,
    );
  }
  return ms;
}

function missingDuration(): never {
  throw new CliError(EXIT.usage, 'how long does the job run? --duration 4h says so');
}

function zoneKeys(value: string | boolean | undefined): string[] {
  return String(value ?? '')
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '');
}

function whyNone(answer: GreenestAnswer): string {
  if (answer.excluded.length === 0)
    return 'the server has no site with a grid zone: name zones with --zones, such as --zones DE,FR';
  return answer.excluded.map(({ gridZone, reason }) => `${gridZone}: ${reason}`).join('; ');
}

/** Relative, so that neither the zone of a clock nor its change to winter time matters. */
function slurmBegin(answer: GreenestAnswer, nowMs: number): string {
  const zones = zonesOf(answer);
  if (zones.length > 1) {
    throw new CliError(
      EXIT.usage,
      `a cluster stands in one grid zone: name it with --zones or the setting gridZone, one of ${zones.join(', ')}`,
    );
  }
  const start = answer.worthWaiting ? answer.best!.start : answer.notBefore;
  const seconds = Math.round((Date.parse(start) - nowMs) / 1000);
  return seconds > 0 ? `now+${seconds}` : 'now';
}
