/** What a meter's figures mean, as agents tell it and replies show it. */
import { z } from '@hono/zod-openapi';
import { MEASURING_POINTS, type MeterFacts, POWER_MEANINGS } from '../../shared/wire/ingest.ts';

const MAX_WATTS = 1_000_000;

export const meterFacts = {
  powerSource: z.string().max(128).exactOptional().openapi({
    description: 'The power as its driver or controller names it.',
    example: 'NVML field 185',
  }),
  powerMeaning: z.enum(POWER_MEANINGS).exactOptional().openapi({
    description:
      'What a power sample stands for; it depends on the architecture and the driver. `unknown`: the interface does not tell.',
  }),
  powerWindowMilliseconds: z.number().int().min(1).max(86_400_000).exactOptional().openapi({
    description: 'Over how long it is a mean, or for how long the sensor looks for one sample.',
  }),
  sampledRatio: z.number().gt(0).max(1).exactOptional().openapi({
    description: 'Share of the time that the sensor looks: 0.25 on A100 and H100.',
  }),
  driverVersion: z.string().max(128).exactOptional(),
  powerLimitWatts: z.number().gt(0).max(MAX_WATTS).exactOptional().openapi({ description: 'Enforced now.' }),
  defaultPowerLimitWatts: z
    .number()
    .gt(0)
    .max(MAX_WATTS)
    .exactOptional()
    .openapi({ description: 'Of the board, before anybody changed it.' }),
  measuredAt: z.enum(MEASURING_POINTS).exactOptional().openapi({
    description:
      'Of a meter of the whole node: where along the supply it measures. Power supplies lose 4 to 10 % between `acIn` and `dcOut`.',
  }),
} satisfies { readonly [K in keyof MeterFacts]-?: z.ZodType };
