import { createRoute, z } from '@hono/zod-openapi';
import { CORRECTION_KINDS } from '../../shared/alerts/reconcile.ts';
import { MILLIJOULES_PER_KWH } from '../../shared/units.ts';
import type { App } from '../http/app.ts';
import { requireScope } from '../http/guard.ts';
import { nextCursorOutput, pageOf, pageQuery } from '../http/paging.ts';
import { instant, instantOrNull, instantOutput } from '../http/schemas.ts';
import { listEpisodes, type StoredEpisode } from '../storage/alert-episodes.ts';
import { shownGridZone } from './alert-rule-schemas.ts';

const correctionOutput = z.object({
  kind: z.enum(CORRECTION_KINDS).openapi({
    description:
      '`edgesMoved`, `reopened`, `withdrawn` (it never was), `joined` (it is a part of another), `foundLate` (nobody was told in time), `ruleChanged` (its rule ended it).',
  }),
  recordedAt: instantOutput,
  startedAt: instantOutput.openapi({ description: 'As it was before the correction.' }),
  endedAt: instantOutput.nullable(),
});

const alertOutput = z
  .object({
    id: z.string().openapi({ description: 'Fixed at its first firing.', example: 'ep_5f2c1b7a9d3e4f60' }),
    ruleId: z.string(),
    ruleName: z.string(),
    kind: z.string().openapi({ description: 'Of its rule.', example: 'dirtyHours' }),
    severity: z.string().openapi({ example: 'warning' }),
    filter: z.string().openapi({ description: 'Of its rule; empty: the whole fleet.' }),
    gridZone: z
      .string()
      .nullable()
      .openapi({ description: 'Null of a budget, and where the site has no grid zone.', example: 'DE' }),
    state: z.enum(['firing', 'resolved', 'withdrawn']),
    startedAt: instantOutput.openapi({ description: 'Since when the condition held.' }),
    firedAt: instantOutput.openapi({ description: 'When it had held for as long as the rule asks.' }),
    endedAt: instantOutput.nullable().openapi({ description: 'When the condition was over.' }),
    resolvedAt: instantOutput.nullable().openapi({ description: 'When that was certain.' }),
    energyKwh: z.number().openapi({ description: 'IT energy of the scope over it so far.' }),
    operationalGrams: z.number().openapi({ description: 'Lifecycle, average, location-based; so far.' }),
    notified: z.boolean().openapi({ description: 'Its firing was handed to the channels.' }),
    silenced: z.boolean().openapi({ description: 'A silence keeps or kept its firing back.' }),
    summary: z.string(),
    text: z.string().openapi({ description: 'As last told.' }),
    fields: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
      .openapi({ description: 'For machines: what the text says, with units in the names.' }),
    corrections: z.array(correctionOutput),
  })
  .openapi('Alert');

const route = createRoute({
  method: 'get',
  path: '/v1/alerts',
  tags: ['Alerts'],
  summary: 'Alerts that fire and that fired',
  description:
    'Newest first by when they were found. Late or restated data move the edges of an alert under its id; each such change is one of its corrections.',
  ...requireScope('read'),
  request: {
    query: z.strictObject({
      ...pageQuery,
      state: z.enum(['open', 'all']).default('all').openapi({ description: '`open`: those that fire now.' }),
      ruleId: z.string().max(40).optional(),
    }),
  },
  responses: {
    200: {
      description: 'A page of alerts',
      content: {
        'application/json': {
          schema: z.object({ alerts: z.array(alertOutput), nextCursor: nextCursorOutput }),
        },
      },
    },
  },
});

export function registerAlerts(app: App): void {
  app.openapi(route, async (context) => {
    const { limit, cursor, state, ruleId = null } = context.req.valid('query');
    const found = await listEpisodes(context.var.shards.main, {
      limit: limit + 1,
      before: cursor === undefined ? null : Number(cursor),
      openOnly: state === 'open',
      ruleId,
    });
    const { items, nextCursor } = pageOf(found, limit, ({ number }) => number);
    return context.json({ alerts: items.map(alertReply), nextCursor }, 200);
  });
}

function alertReply(episode: StoredEpisode) {
  const { id, ruleId, ruleName, kind, severity, scope, instance, notified, silenced } = episode;
  const { summary, text, fields, corrections, withdrawn, resolvedAtMs } = episode;
  return {
    id,
    ruleId,
    ruleName,
    kind,
    severity,
    filter: scope,
    gridZone: shownGridZone(instance),
    state: withdrawn
      ? ('withdrawn' as const)
      : resolvedAtMs === null
        ? ('firing' as const)
        : ('resolved' as const),
    startedAt: instant(episode.startMs),
    firedAt: instant(episode.firedAtMs),
    endedAt: instantOrNull(episode.endMs),
    resolvedAt: instantOrNull(resolvedAtMs),
    energyKwh: episode.energyMillijoules / MILLIJOULES_PER_KWH,
    operationalGrams: episode.grams,
    notified,
    silenced,
    summary,
    text,
    fields,
    corrections: corrections.map(({ kind: what, recordedAtMs, startMs, endMs }) => ({
      kind: what,
      recordedAt: instant(recordedAtMs),
      startedAt: instant(startMs),
      endedAt: instantOrNull(endMs),
    })),
  };
}
