/** `wattshed estimate`: what hardware emitted that nobody metered, from what somebody remembers of it. */
import { readFileSync } from 'node:fs';
import { energy, intensity, mass, plain, shares } from '../../../shared/statement/quantities.ts';
import { API_OPTIONS, answered, openApi } from '../api-access.ts';
import type { Command, Option, OptionValues } from '../command.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { settingsFor } from '../settings.ts';

interface FieldOption extends Option {
  /** Where in the request the value goes. */
  readonly field: readonly [string, string?];
  readonly number: boolean;
}

const field = (path: FieldOption['field'], value: string, about: string, number = true): FieldOption => ({
  type: 'string',
  value,
  about,
  field: path,
  number,
});

const FIELDS: Readonly<Record<string, FieldOption>> = {
  hardware: field(['hardware'], 'NAME', 'a GPU, CPU or server, as its driver or the catalog names it', false),
  count: field(['count'], 'N', 'pieces; default: 1'),
  hours: field(['hours'], 'HOURS', 'of each piece; default: all between --from and --to'),
  power: field(['powerWatts'], 'WATTS', 'mean of one piece'),
  utilization: field(['utilizationRatio'], 'RATIO', '0 to 1, instead of --power: modelled, with wide bounds'),
  zone: field(['gridZone'], 'KEY', 'grid zone, such as DE', false),
  'cloud-region': field(['cloudRegion'], 'REGION', 'instead of --zone, such as aws:eu-north-1', false),
  intensity: field(
    ['intensity', 'gramsPerKwh'],
    'GRAMS',
    'instead of --zone: gCO2eq/kWh, with --intensity-source',
  ),
  'intensity-source': field(['intensity', 'source'], 'TEXT', 'where that is from', false),
  from: field(['from'], 'INSTANT', 'with dates, stored values of the grid count', false),
  to: field(['to'], 'INSTANT', 'such as 2024-05-17T15:40:00Z', false),
  pue: field(['pueRatio'], 'RATIO', 'of the site; published ones are known of cloud regions'),
  'host-power': field(['host', 'powerWatts'], 'WATTS', 'of a host without its devices; default: not counted'),
  'devices-per-host': field(['host', 'devicesPerHost'], 'N', 'how many share it'),
  lifetime: field(['embodiedLifetimeYears'], 'YEARS', 'of the hardware; default: 4'),
  basis: field(['basis'], 'BASIS', 'lifecycle (default) or direct', false),
};

export const estimateCommand: Command = {
  name: 'estimate',
  operands: [],
  summary: 'estimates what hardware emitted that nobody metered',
  details: [
    'By the series of the grid that the server holds, else by the yearly average;',
    'what was assumed is said. Asks with the token in WATTSHED_TOKEN or --token-file',
    '(scope read). FILE: a request of POST /v1/estimate as JSON; options go over it.',
    '',
    '  wattshed estimate --hardware "H100 SXM5 80GB" --count 8 --hours 720 \\',
    '    --power 550 --zone DE --pue 1.2',
  ].join('\n'),
  options: {
    ...FIELDS,
    request: { type: 'string', value: 'FILE', about: 'the request as JSON' },
    json: { type: 'boolean', about: "the server's answer as JSON" },
    ...API_OPTIONS,
  },
  async run(io, options) {
    const { config } = settingsFor(io, options);
    const request = requestOf(options);
    const api = await openApi(io, options, config);
    const answer = await answered(api.post('/v1/estimate', request)).catch((error: unknown) => {
      throw error instanceof CliError ? new CliError(error.exitCode, byOption(error.message)) : error;
    });
    io.out(
      options.json === true
        ? `${JSON.stringify(answer, null, 2)}\n`
        : estimateText(answer as unknown as EstimateAnswer),
    );
    return EXIT.ok;
  },
};

/** What the file says, with the options over it. Whether it makes sense is for the server to say. */
function requestOf(options: OptionValues): Record<string, unknown> {
  const request = typeof options.request === 'string' ? requestIn(options.request) : {};
  for (const [
    name,
    {
      field: [outer, inner],
      number,
    },
  ] of Object.entries(FIELDS)) {
    const given = options[name];
    if (given === undefined) continue;
    const value = number ? numberOf(name, String(given)) : String(given);
    if (inner === undefined) request[outer] = value;
    else request[outer] = { ...(request[outer] as object | undefined), [inner]: value };
  }
  if (Object.keys(request).length === 0)
    throw new CliError(EXIT.usage, 'an estimate of what? --hardware, --hours, --power and --zone say it');
  return request;
}

/** The server names the field of the request that is wrong; here it is an option. */
function byOption(message: string): string {
  const option = Object.entries(FIELDS).find(([, { field }]) => message.startsWith(`/${field.join('/')}: `));
  if (option === undefined) return message;
  const [name, { field }] = option;
  return `--${name}${message.slice(`/${field.join('/')}`.length)}`;
}

function numberOf(name: string, text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) throw new CliError(EXIT.usage, `--${name} must be a number, not "${text}"`);
  return value;
}

function requestIn(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(EXIT.usage, `the request in ${file} cannot be read (${code ?? 'it is not JSON'})`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CliError(EXIT.usage, `the request in ${file} must be a JSON object`);
  return value as Record<string, unknown>;
}

/** What is shown of the answer. */
interface EstimateAnswer {
  readonly totals: {
    readonly energyKwh: number;
    readonly energyKwhLow: number;
    readonly energyKwhHigh: number;
    readonly facilityEnergyKwh: number;
    readonly operationalGrams: number;
    readonly operationalGramsLow: number;
    readonly operationalGramsHigh: number;
    readonly embodiedGrams: number;
    readonly embodiedGramsLow: number;
    readonly embodiedGramsHigh: number;
    readonly totalGrams: number;
    readonly totalGramsLow: number;
    readonly totalGramsHigh: number;
    readonly gridKinds: Readonly<Record<string, number>>;
  };
  readonly excluded: readonly { readonly reason: string; readonly energyKwh: number }[];
  readonly estimate: {
    readonly hardware: string;
    readonly count: number;
    readonly hours: number;
    readonly gramsPerKwh: number | null;
    readonly pueRatio: number;
    readonly embodiedLifetimeYears: number;
  };
  readonly assumptions: readonly string[];
  readonly sources: readonly string[];
}

function estimateText({ totals, excluded, estimate, assumptions, sources }: EstimateAnswer): string {
  const { gramsPerKwh } = estimate;
  const band = (show: (value: number) => string, value: number, low: number, high: number) =>
    low === high ? show(value) : `${show(value)} (${show(low)} to ${show(high)})`;
  const rows: [string, string][] = [
    ['hardware', `${estimate.count} x ${estimate.hardware}, ${estimate.hours} h each`],
    ['total', band(mass, totals.totalGrams, totals.totalGramsLow, totals.totalGramsHigh)],
    [
      'operational',
      band(mass, totals.operationalGrams, totals.operationalGramsLow, totals.operationalGramsHigh),
    ],
    [
      'embodied',
      `${band(mass, totals.embodiedGrams, totals.embodiedGramsLow, totals.embodiedGramsHigh)}, over ${plain(estimate.embodiedLifetimeYears)} years`,
    ],
    ['energy', `${band(energy, totals.energyKwh, totals.energyKwhLow, totals.energyKwhHigh)}, modelled`],
    ['facility', `${energy(totals.facilityEnergyKwh)}, at a PUE of ${plain(estimate.pueRatio)}`],
    [
      'intensity',
      gramsPerKwh === null ? 'not known' : `${intensity(gramsPerKwh)}, ${shares(totals.gridKinds)}`,
    ],
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const list = (title: string, items: readonly string[]) =>
    items.length === 0 ? [] : ['', title, ...items.map((item) => `  ${item}`)];
  return [
    ...rows.map(([name, value]) => `${name.padEnd(width)}${value}`),
    ...list(
      'Without emissions:',
      excluded.map(({ reason, energyKwh }) => `${energy(energyKwh)}: ${reason}`),
    ),
    ...list('Assumed:', assumptions),
    ...list('Sources:', sources),
    '',
  ].join('\n');
}
