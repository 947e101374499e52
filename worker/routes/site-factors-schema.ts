/** What the API takes and shows of a site beside zone, PUE and lifetime. */
import { z } from '@hono/zod-openapi';
import { OVERHEADS, overheadKeys } from '../../shared/settings/site-factors.ts';
import { instant, instantInput, instantOutput, lineOfText } from '../http/schemas.ts';
import type { FactorInput } from '../use-cases/site-factors.ts';
import type { Site } from '../use-cases/sites.ts';

const number = (max: number, description: string, example: number) =>
  z
    .number('expected a number')
    .min(0, 'expected 0 or more')
    .max(max, `expected at most ${max}`)
    .nullable()
    .optional()
    .openapi({ description: `${description} Null takes it back.`, example });
const source = lineOfText(500)
  .nullable()
  .optional()
  .openapi({ description: 'Where the ratio beside it comes from.', example: 'switch telemetry, March 2026' });
const overhead = (what: string) =>
  number(5, `${what} that no meter of a node sees, as a share of IT energy.`, 0.04);

const monthInput = z
  .string()
  .regex(/^(19[7-9]\d|20\d\d)-(0[1-9]|1[0-2])$/, 'expected a month like 2026-01')
  .openapi({ example: '2026-01' });

export const pueRatioInput = z
  .number('expected a number')
  .min(1, 'expected 1 or more: PUE is facility energy / IT energy')
  .max(5, 'expected at most 5')
  .openapi({ description: 'Facility energy / IT energy.', example: 1.2 });

const contractInput = z
  .strictObject({
    kind: z.enum(['certificate', 'ppa'], 'expected certificate or ppa'),
    kwh: z.number('expected a number').positive('expected more than 0').max(1e12, 'expected at most 1e12'),
    vintageFrom: instantInput,
    vintageTo: instantInput,
    boundary: z.enum(['site', 'gridZone'], 'expected site or gridZone').default('site').openapi({
      description: '`site`: it covers this site alone; `gridZone`: every site in that zone.',
    }),
    gridZone: z
      .string()
      .min(1)
      .max(40)
      .optional()
      .openapi({ description: 'With boundary `gridZone`.', example: 'DE' }),
    gramsPerKwh: z
      .number('expected a number: 0 for certificates of renewables that are counted as such')
      .min(0, 'expected 0 or more')
      .max(3_000, 'expected at most 3,000')
      .openapi({ description: 'As contracted, on the basis that you report. Has no default.', example: 0 }),
    source: lineOfText(500).openapi({ example: 'GO 643002406, cancelled 2026-02-01' }),
  })
  .refine(({ vintageFrom, vintageTo }) => vintageFrom < vintageTo, {
    path: ['vintageTo'],
    message: 'expected an instant after vintageFrom',
  })
  .refine(({ boundary, gridZone }) => (boundary === 'gridZone') === (gridZone !== undefined), {
    path: ['gridZone'],
    message: 'expected a zone with boundary gridZone, and none with boundary site',
  });

const MAX_CONTRACTS = 50;
const contractId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected an id of 1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-"');

/** Fields of `POST` and `PATCH`; see `toFactorInput`. */
export const factorInputs = {
  pueByMonth: z
    .array(z.strictObject({ month: monthInput, pueRatio: pueRatioInput }))
    .min(1, 'expected at least one month')
    .max(120, 'expected at most 120 months')
    .refine(
      (months) => new Set(months.map(({ month }) => month)).size === months.length,
      'names a month twice',
    )
    .optional()
    .openapi({
      description: 'PUE by UTC month; each holds from the start of its month until the next value.',
      example: [{ month: '2026-01', pueRatio: 1.18 }],
    }),
  wueLitresPerKwh: number(100, 'Water that the site uses, litres per kWh of IT energy (WUE).', 1.8),
  gridWaterLitresPerKwh: number(1_000, 'Water that making the electricity uses, litres per kWh of it.', 1.6),
  residualGramsPerKwh: number(
    3_000,
    'For market accounting: the residual mix of the grid, gCO2eq/kWh on the basis that you report; without it what no contract covers is at the intensity of the grid.',
    500,
  ),
  hostOverheadRatio: number(
    5,
    'What a node takes beyond its metered parts (fans, boards, losses of the power supplies), as a share of their energy; counts only in windows that no meter of the whole node saw.',
    0.12,
  ),
  hostOverheadSource: source,
  networkOverheadRatio: overhead('Network'),
  networkOverheadSource: source,
  storageOverheadRatio: overhead('Storage'),
  storageOverheadSource: source,
  coolingOverheadRatio: overhead('Cooling outside the PUE'),
  coolingOverheadSource: source,
  supplyContracts: z
    .record(contractId, contractInput.nullable())
    .refine(
      (contracts) => Object.keys(contracts).length <= MAX_CONTRACTS,
      `expected at most ${MAX_CONTRACTS}`,
    )
    .optional()
    .openapi({
      description:
        'Certificates and power purchase agreements by id: what is not named stays, null takes back. They count under `accounting=market`.',
    }),
};

type Inputs = z.output<z.ZodObject<typeof factorInputs>>;

/** A ratio without its source would be a number that nobody can check. */
export function missingSource(input: Partial<Inputs>): string | null {
  for (const name of OVERHEADS) {
    const { ratio, source: from } = overheadKeys(name);
    if (typeof input[ratio] === 'number' && typeof input[from] !== 'string') return from;
  }
  return null;
}

export function toFactorInput({ pueByMonth, supplyContracts, ...factors }: Inputs): FactorInput {
  return {
    factors,
    pueByMonth: pueByMonth?.map(({ month, pueRatio }) => ({ monthMs: Date.parse(`${month}-01`), pueRatio })),
    supplyContracts:
      supplyContracts &&
      Object.fromEntries(
        Object.entries(supplyContracts).map(([id, contract]) => [id, contract && toTerms(contract)]),
      ),
  };
}

function toTerms({
  vintageFrom,
  vintageTo,
  boundary: _,
  gridZone,
  ...terms
}: z.output<typeof contractInput>) {
  return { ...terms, fromMs: vintageFrom, toMs: vintageTo, gridZone: gridZone ?? null };
}

const nullable = z.number().nullable();
const text = z.string().nullable();

export const contractOutput = z
  .object({
    id: z.string(),
    kind: z.enum(['certificate', 'ppa']),
    kwh: z.number(),
    vintageFrom: instantOutput,
    vintageTo: instantOutput,
    boundary: z.enum(['site', 'gridZone']),
    gridZone: z.string().nullable(),
    gramsPerKwh: z.number(),
    source: z.string(),
  })
  .openapi('SupplyContract');

export const factorOutputs = {
  wueLitresPerKwh: nullable,
  gridWaterLitresPerKwh: nullable,
  residualGramsPerKwh: nullable,
  hostOverheadRatio: nullable,
  hostOverheadSource: text,
  networkOverheadRatio: nullable,
  networkOverheadSource: text,
  storageOverheadRatio: nullable,
  storageOverheadSource: text,
  coolingOverheadRatio: nullable,
  coolingOverheadSource: text,
  supplyContracts: z.array(contractOutput),
};

export function factorsReply({ factors, supplyContracts }: Pick<Site, 'factors' | 'supplyContracts'>) {
  const { overheads, ...numbers } = factors;
  return {
    ...numbers,
    hostOverheadRatio: overheads.host?.ratio ?? null,
    hostOverheadSource: overheads.host?.source ?? null,
    networkOverheadRatio: overheads.network?.ratio ?? null,
    networkOverheadSource: overheads.network?.source ?? null,
    storageOverheadRatio: overheads.storage?.ratio ?? null,
    storageOverheadSource: overheads.storage?.source ?? null,
    coolingOverheadRatio: overheads.cooling?.ratio ?? null,
    coolingOverheadSource: overheads.cooling?.source ?? null,
    supplyContracts: supplyContracts.map(contractReply),
  };
}

export function contractReply({ siteId: _, fromMs, toMs, ...contract }: Site['supplyContracts'][number]) {
  return {
    ...contract,
    vintageFrom: instant(fromMs),
    vintageTo: instant(toMs),
    boundary: contract.gridZone === null ? ('site' as const) : ('gridZone' as const),
  };
}
