/** Impacts beside the climate's, with bounds, as answers show them. */
import { z } from '@hono/zod-openapi';
import { IMPACTS, type OtherImpacts } from '../../shared/embodied/catalog.ts';

const known = (description: string) => z.number().nullable().openapi({ description });
const LOW = 'Low bound; null: not known, one source at most has a figure.';
const HIGH = 'High bound; null: not known.';

export const impactOutputs = {
  adpeKgSbeq: known(
    'Of making it: depletion of minerals and metals, kg antimony-equivalent. Null: not known.',
  ),
  adpeKgSbeqLow: known(LOW),
  adpeKgSbeqHigh: known(HIGH),
  primaryEnergyMegajoules: known('Null: not known.'),
  primaryEnergyMegajoulesLow: known(LOW),
  primaryEnergyMegajoulesHigh: known(HIGH),
  waterCubicMetresEq: known('Weighted by scarcity (AWARE), cubic metres world-equivalent. Null: not known.'),
  waterCubicMetresEqLow: known(LOW),
  waterCubicMetresEqHigh: known(HIGH),
};

export type ImpactReply = { readonly [K in keyof typeof impactOutputs]: number | null };

export function impactReply(
  impacts: { readonly [K in keyof OtherImpacts]: number | null | undefined },
): ImpactReply {
  const figures = IMPACTS.flatMap((impact) =>
    ([impact, `${impact}Low`, `${impact}High`] as const).map((key) => [key, impacts[key] ?? null]),
  );
  return Object.fromEntries(figures) as ImpactReply;
}
