import { createRoute, z } from '@hono/zod-openapi';
import { windowCeiling } from '../../shared/emissions/time-steps.ts';
import { DAY_MS, HOUR_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { DEVICE_TYPES, ENERGY_KINDS, JOB_ATTRIBUTIONS } from '../../shared/wire/ingest.ts';
import type { App } from '../http/app.ts';
import { requireScope } from '../http/guard.ts';
import { cursorOf, nextCursorOutput, pageQuery } from '../http/paging.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantInput, instantOutput } from '../http/schemas.ts';
import { rangeProblem } from '../http/time-range.ts';
import { type NodeWindows, readNodeWindows } from '../use-cases/node-windows.ts';
import { emissionsQuery } from './emissions-schema.ts';
import { basis, signal } from './grid-schemas.ts';
import { intensityReply, intensityValue } from './intensity-reply.ts';

const LONGEST = { ms: 31 * DAY_MS, text: '31 days' };

const count = (description: string) => z.number().int().openapi({ description });

const epochOutput = z.object({
  epoch: z.string().openapi({ description: 'One unbroken run of an agent’s durable state.' }),
  revision: z.number().int(),
  final: z.boolean().openapi({ description: 'Whether the agent said that nothing more comes.' }),
  kind: z.enum(ENERGY_KINDS),
  energyMillijoules: z.number().int(),
  meteredMilliseconds: z.number().int(),
  recoveredMillijoules: count('Of the energy: what a counter consumed while nobody read it.'),
  integratedMillijoules: z.number().int().nullable().openapi({
    description: 'The integral of power, where it stands beside a counter.',
  }),
  idleMillijoules: count('Of the energy: while the device was proven free.'),
  utilizationRatio: z
    .number()
    .nullable()
    .openapi({ description: 'Mean over the metered time; null: unknown.' }),
  jobs: z.array(
    z.object({
      id: z.string(),
      energyMillijoules: z.number().int(),
      allocatedMilliseconds: count('Time for which the job had the device, metered or not.'),
      attribution: z.enum(JOB_ATTRIBUTIONS),
    }),
  ),
});

const windowOutput = z
  .object({
    start: instantOutput,
    end: instantOutput,
    gridZone: z.string().nullable().openapi({ description: 'Where the node stood then.' }),
    intensity: intensityValue.nullable().openapi({
      description:
        'What the window is charged with on the basis and signal asked for, and whose it is; null: nothing is known, and its energy is `excluded`.',
    }),
    devices: z.array(
      z.object({
        id: z.string(),
        type: z.enum(DEVICE_TYPES),
        name: z.string(),
        energyMillijoules: count('Sum over the epochs.'),
        meteredMilliseconds: count('Sum over the epochs.'),
        expectedMilliseconds: count(
          'For how long it should have been metered: in service, its node in the fleet, not beyond now. 0 for a meter of the whole node beside other devices.',
        ),
        coveredMilliseconds: count(
          'For how long it was, by its own meter or that of the whole node. Coverage is covered / expected time, of each device no more than was expected.',
        ),
        epochs: z.array(epochOutput).openapi({ description: 'Empty where nobody reported it: a gap.' }),
      }),
    ),
  })
  .openapi('NodeWindow');

const route = createRoute({
  method: 'get',
  path: '/v1/nodes/{id}/windows',
  tags: ['Nodes'],
  summary: 'What the ledger holds of a node, window by window',
  description:
    'Everything that a figure is made from on the side of the meters, in whole millijoules and milliseconds, and the intensity of each window: docs/method.md recomputes energy, jobs, idle, low utilization and coverage from it. Windows that start in `[from, to)`, in order; those before the node enrolled, with nothing reported, are left out. A window is the sum of its epochs.',
  ...requireScope('read'),
  request: {
    params: z.object({ id: z.string().max(128) }),
    query: z.strictObject({
      ...pageQuery,
      from: instantInput.optional().openapi({ description: 'Default: one hour before `to`.' }),
      to: instantInput.optional().openapi({ description: 'Default: now. At most 31 days after `from`.' }),
      basis: basis.default('lifecycle'),
      signal: signal.default('average'),
      asOf: emissionsQuery.shape.asOf,
    }),
  },
  responses: {
    200: {
      description: 'A page of windows; `limit` counts windows of time, so a page may hold fewer',
      content: {
        'application/json': {
          schema: z.object({
            node: z.string(),
            windows: z.array(windowOutput),
            nextCursor: nextCursorOutput,
          }),
        },
      },
    },
    ...problems('not_found', 'range_too_long', 'invalid_parameter'),
  },
});

export function registerNodeWindows(app: App): void {
  app.openapi(route, async (context) => {
    const { nowMs } = context.var;
    const {
      limit,
      cursor,
      asOf: asOfMs,
      basis: ofBasis,
      signal: ofSignal,
      ...range
    } = context.req.valid('query');
    const toMs = range.to ?? nowMs;
    const fromMs = range.from ?? toMs - HOUR_MS;
    const problem = rangeProblem(fromMs, toMs, LONGEST);
    if (problem !== null) return problemResponse(context, problem);
    const { id } = context.req.valid('param');
    // A cursor that nobody was given is the beginning.
    const afterMs = Number.isSafeInteger(Number(cursor)) ? Number(cursor) : 0;
    const pageMs = windowCeiling(Math.max(fromMs, afterMs));
    const endMs = Math.min(toMs, pageMs + limit * WINDOW_MS);
    const series = { basis: ofBasis, signal: ofSignal };
    const query = { nodeId: id, fromMs: pageMs, toMs: endMs, ...series, asOfMs };
    const found = await readNodeWindows(context.var.shards, query, nowMs);
    if (!found.ok) return problemResponse(context, found.problem);
    const hasMore = endMs < Math.min(toMs, asOfMs ?? nowMs);
    const nextCursor = cursorOf(hasMore ? endMs : null);
    return context.json({ node: id, windows: windowsReply(found.value), nextCursor }, 200);
  });
}

function windowsReply({ windows, jobIds }: NodeWindows): z.input<typeof windowOutput>[] {
  return windows.map(({ startMs, gridZone, intensity, devices }) => ({
    start: instant(startMs),
    end: instant(startMs + WINDOW_MS),
    gridZone,
    intensity: intensity && intensityReply(intensity),
    devices: devices.map(({ epochs, ...device }) => ({
      ...device,
      epochs: epochs.map(({ jobs, ...epoch }) => ({
        ...epoch,
        jobs: jobs.map(({ jobNumber, attribution, ...share }) => ({
          id: jobIds.get(jobNumber)!,
          ...share,
          attribution: attribution ?? ('allocation' as const),
        })),
      })),
    })),
  }));
}
