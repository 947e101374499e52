/** A statement as a document without markup: what each format lays out in its own way. */
import { energy, hours, instant, intensity, mass, percent, plain, shares } from './quantities.ts';
import type {
  Statement,
  StatementHardware,
  StatementSite,
  StatementSubject,
  StatementZone,
} from './statement.ts';

/** Prose of ours; or a word of others, which may hold anything and is set as what it is, letter by letter. */
export type Inline = string | { readonly name: string };
export type Line = readonly Inline[];

export type Block =
  | { readonly type: 'heading'; readonly text: string }
  | { readonly type: 'paragraph'; readonly line: Line }
  | { readonly type: 'list'; readonly items: readonly Line[] }
  | { readonly type: 'table'; readonly head: readonly string[]; readonly rows: readonly (readonly Line[])[] };

export interface StatementDocument {
  readonly title: Line;
  readonly blocks: readonly Block[];
}

const WHAT = { job: 'job', project: 'project', period: 'period' } as const;

export function statementDocument(statement: Statement): StatementDocument {
  const { subject } = statement;
  return {
    title: ['Carbon statement: ', `${WHAT[subject.kind]} `, { name: subject.name }],
    blocks: [
      { type: 'paragraph', line: summary(statement) },
      { type: 'table', head: ['Figure', 'Value'], rows: [...subjectRows(subject), ...figureRows(statement)] },
      heading('Hardware'),
      {
        type: 'table',
        head: ['Model', 'GPUs', 'GPU hours', 'Energy', 'Making of one'],
        rows: statement.hardware.map(hardwareRow),
      },
      ...(statement.parts.length === 0
        ? []
        : [
            {
              type: 'table' as const,
              head: ['Part', 'Count', 'Embodied', 'Share of it'],
              rows: partRows(statement),
            },
          ]),
      heading('Electricity'),
      {
        type: 'table',
        head: ['Grid zone', 'Facility energy', 'Mean intensity', 'Average of the year', 'Values of'],
        rows: statement.zones.map((zone) => zoneRow(zone, statement)),
      },
      { type: 'table', head: ['Site', 'Energy', 'PUE'], rows: statement.sites.map(siteRow) },
      heading('How it is known'),
      { type: 'table', head: ['Mark', 'Value'], rows: methodRows(statement) },
      heading('What is not counted'),
      { type: 'list', items: statement.notCounted.map((note) => [note]) },
      heading('What it is like'),
      {
        type: 'list',
        items: statement.equivalents.map(({ count, what, gramsCo2eq, year }) => [
          `${plain(count)} ${what} (${plain(gramsCo2eq)} g each, ${year}).`,
        ]),
      },
      heading('Made with'),
      { type: 'table', head: ['What', 'Version'], rows: versionRows(statement) },
      heading('Sources'),
      { type: 'list', items: statement.sources.map((source) => [{ name: source }]) },
    ],
  };
}

const heading = (text: string): Block => ({ type: 'heading', text });
const names = (words: readonly string[]): Line =>
  words.flatMap((name, i): Inline[] => (i === 0 ? [{ name }] : [', ', { name }]));

function summary({ totals, totalGramsLow, totalGramsHigh, fromMs, toMs, accounting }: Statement): Line {
  return [
    `${mass(totals.totalGrams)} (${mass(totalGramsLow)} to ${mass(totalGramsHigh)}) from ${instant(fromMs)} to ${instant(toMs)}: ` +
      `${mass(totals.operationalGrams)} from ${energy(totals.energyKwh)} of electricity (${accounting}-based) and ` +
      `${mass(totals.embodiedGrams)} from the making of the hardware.`,
  ];
}

function subjectRows({ kind, project, user, phase, runs, filter, closedAtMs }: StatementSubject): Line[][] {
  const said = (label: string, word: string | null): Line[][] =>
    word === null ? [] : [[[label], [{ name: word }]]];
  return [
    ...(kind === 'project' ? [] : said('Project', project)),
    ...said('User', user),
    ...said('Phase', phase),
    ...(runs.length > 1 ? [[['Runs'], names(runs)]] : []),
    ...(kind === 'period'
      ? [[['Of'], filter === '' || filter === null ? ['the whole fleet'] : [{ name: filter }]]]
      : []),
    ...(closedAtMs === null ? [] : [[['Closed'], [instant(closedAtMs)]]]),
  ];
}

function figureRows(statement: Statement): Line[][] {
  const { totals, sci } = statement;
  return [
    [
      ['Total'],
      [`${mass(totals.totalGrams)}, ${mass(statement.totalGramsLow)} to ${mass(statement.totalGramsHigh)}`],
    ],
    [['Operational'], [mass(totals.operationalGrams)]],
    [
      ['Embodied'],
      [
        `${mass(totals.embodiedGrams)}, ${mass(totals.embodiedGramsLow)} to ${mass(totals.embodiedGramsHigh)}`,
      ],
    ],
    [['Energy of the hardware'], [energy(totals.energyKwh)]],
    [['Energy of the facility'], [energy(totals.facilityEnergyKwh)]],
    [['GPUs'], [`${statement.gpuCount}, ${hours(statement.gpuHours)} together`]],
    [['Nodes'], [String(totals.nodesReporting)]],
    ...(totals.waterLitresSite === null
      ? []
      : [[['Water of the sites'], [`${plain(totals.waterLitresSite)} litres`]]]),
    ...(totals.waterLitresGrid === null
      ? []
      : [[['Water of the grid'], [`${plain(totals.waterLitresGrid)} litres`]]]),
    ...sci
      .filter(({ gramsPerUnit }) => gramsPerUnit !== null)
      .map(({ unit, gramsPerUnit }): Line[] => [['SCI per ', { name: unit }], [mass(gramsPerUnit!)]]),
  ];
}

function hardwareRow({ model, gpuCount, gpuHours, energyKwh, embodied }: StatementHardware): Line[] {
  return [
    model === 'none' ? ['no GPU'] : [{ name: model }],
    [String(gpuCount)],
    [plain(gpuHours)],
    [energy(energyKwh)],
    embodied === null
      ? ['-']
      : [
          `${plain(embodied.kgCo2eq)} kg (${plain(embodied.low)} to ${plain(embodied.high)})${embodied.assumed ? ', assumed' : ''}`,
        ],
  ];
}

/** None where nothing is charged at the intensity of the grid, and of a period that was closed before scopes were told. */
function scopeRows({ scope, scopes }: Pick<Statement['totals'], 'scope' | 'scopes'>): Line[][] {
  if (!scope) return [];
  if (scopes === null) return [[['Scope'], [scope]]];
  const { consumption, production } = scopes;
  const parts = `consumption ${mass(consumption.operationalGrams)}, production ${mass(production.operationalGrams)}, by zones and hours`;
  return [[['Scope'], [parts]]];
}

/** In a document; all of them are in the JSON. */
const MAX_PARTS_SHOWN = 40;

function partRows({ parts }: Statement): Line[][] {
  const hidden = parts.length - MAX_PARTS_SHOWN;
  return [
    ...parts
      .slice(0, MAX_PARTS_SHOWN)
      .map(({ label, name, count, grams, gramsLow, gramsHigh, share }): Line[] => [
        name.toLowerCase() === label ? [label] : [`${label} `, { name }],
        [String(count)],
        [`${mass(grams)} (${mass(gramsLow)} to ${mass(gramsHigh)})`],
        [share === null ? '-' : percent(share)],
      ]),
    ...(hidden > 0 ? [[['Others'], [`${hidden} more kinds, in the statement as JSON`], ['-'], ['-']]] : []),
  ];
}

function zoneRow(zone: StatementZone, { accounting }: Statement): Line[] {
  const { gridZone, name, meanGramsPerKwh, yearAverage, providers } = zone;
  return [
    name === null ? [{ name: gridZone }] : [`${name} (${gridZone})`],
    [energy(zone.facilityEnergyKwh)],
    meanGramsPerKwh === null
      ? ['not known']
      : [`${intensity(meanGramsPerKwh)}${accounting === 'market' ? ' as contracted' : ''}`],
    yearAverage === null
      ? ['none on this basis']
      : [`${intensity(yearAverage.gramsPerKwh)} (${yearAverage.year})`],
    providers.length === 0 ? ['-'] : names(providers),
  ];
}

function siteRow({ site, energyKwh, pueRatio }: StatementSite): Line[] {
  return [[{ name: site }], [energy(energyKwh)], [pueRatio === null ? '-' : plain(pueRatio)]];
}

function methodRows(statement: Statement): Line[][] {
  const { totals, accounting, basis, signal, lifetimeYears, asOfMs } = statement;
  return [
    [
      ['Metered'],
      [totals.coverage === null ? 'nothing was expected' : `${percent(totals.coverage)} of the device time`],
    ],
    [['Energy by'], [shares(totals.energyKinds)]],
    ...(accounting === 'market'
      ? [[['Supply'], [shares(totals.supplyKinds)]]]
      : [[['Intensity'], [shares(totals.gridKinds)]]]),
    [['Given to jobs by'], [shares(totals.jobAttributions)]],
    [['Basis'], [`${basis}, ${signal} signal, ${accounting}-based`]],
    ...scopeRows(totals),
    [
      ['Embodied'],
      [
        `${statement.embodiedMethod}; lifetime ${lifetimeYears.map((years) => plain(years)).join(', ')} years`,
      ],
    ],
    [
      ['Bounds'],
      [
        'Those of the embodied figures. Energy is as metered; what meters and intensities leave open is not in them.',
      ],
    ],
    [['As known'], [instant(asOfMs)]],
  ];
}

/** In a document; all of them are in the JSON. */
const MAX_SETTINGS_SHOWN = 40;

function versionRows({ versions, settings }: Statement): Line[][] {
  const hidden = settings.length - MAX_SETTINGS_SHOWN;
  return [
    [['Software'], [`Wattshed ${versions.software}`]],
    [['Hardware catalog'], [{ name: `sha256 ${versions.catalogSha256}` }]],
    [['Zones and yearly averages'], [{ name: `sha256 ${versions.zonesSha256}` }]],
    ...settings
      .slice(0, MAX_SETTINGS_SHOWN)
      .map(({ subject, key, value, effectiveFromMs }): Line[] => [
        [{ name: subject }],
        [{ name: `${key} = ${value}` }, effectiveFromMs === 0 ? '' : ` from ${instant(effectiveFromMs)}`],
      ]),
    ...(hidden > 0 ? [[['Settings'], [`${hidden} more, in the statement as JSON`]]] : []),
  ];
}
