import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { MILLIJOULES_PER_KWH } from '../../shared/units.ts';
import type { App, AppEnv } from '../http/app.ts';
import { requireScope } from '../http/guard.ts';
import { nextCursorOutput, pageOf, pageQuery } from '../http/paging.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantOrNull } from '../http/schemas.ts';
import { invalidBody } from '../http/validation.ts';
import { listRules, type StoredRule } from '../storage/alert-rules.ts';
import { type PastAlert, type Preview, previewRules } from '../use-cases/alerts/preview.ts';
import { applyRules, changeRule, createRule, getRule, removeRule } from '../use-cases/alerts/rules.ts';
import {
  alertRuleChangeInput,
  alertRuleInput,
  alertRuleOutput,
  alertRulePlanOutput,
  alertRuleSetInput,
  SHOWN_PAST_ALERTS,
  shownGridZone,
} from './alert-rule-schemas.ts';
import { fleetPace } from './fleet-pace.ts';

const tags = ['Alerts'];
const params = z.object({ id: z.string().max(40) });
const json = <Schema extends z.ZodType>(schema: Schema) => ({ 'application/json': { schema } });

const listRoute = createRoute({
  method: 'get',
  path: '/v1/alert-rules',
  tags,
  summary: 'List the alert rules',
  ...requireScope('read'),
  request: { query: z.strictObject(pageQuery) },
  responses: {
    200: {
      description: 'Rules, by name',
      content: json(z.object({ alertRules: z.array(alertRuleOutput), nextCursor: nextCursorOutput })),
    },
  },
});

const getRoute = createRoute({
  method: 'get',
  path: '/v1/alert-rules/{id}',
  tags,
  summary: 'One alert rule',
  ...requireScope('read'),
  request: { params },
  responses: { 200: { description: 'The rule', content: json(alertRuleOutput) }, ...problems('not_found') },
});

const createRuleRoute = createRoute({
  method: 'post',
  path: '/v1/alert-rules',
  tags,
  summary: 'Create an alert rule',
  description:
    'It is evaluated from the next run on, within five minutes; a budget also counts what its period used before. docs/alerts.md says what each kind means.',
  ...requireScope('admin'),
  request: { body: { required: true, content: json(alertRuleInput) } },
  responses: {
    201: { description: 'Created', content: json(alertRuleOutput) },
    ...problems('already_exists', 'in_use'),
  },
});

const changeRoute = createRoute({
  method: 'patch',
  path: '/v1/alert-rules/{id}',
  tags,
  summary: 'Change an alert rule',
  description:
    'A change of what it evaluates ends its open episodes and begins it anew; name, severity, channels and how often it is said again change nothing of that.',
  ...requireScope('admin'),
  request: { params, body: { required: true, content: json(alertRuleChangeInput) } },
  responses: {
    200: { description: 'As it is now', content: json(alertRuleOutput) },
    ...problems('not_found', 'already_exists'),
  },
});

const deleteRoute = createRoute({
  method: 'delete',
  path: '/v1/alert-rules/{id}',
  tags,
  summary: 'Delete an alert rule',
  description: 'Its open episodes end with the next run, and that is told; its past episodes stay.',
  ...requireScope('admin'),
  request: { params },
  responses: { 204: { description: 'Deleted' }, ...problems('not_found') },
});

const applyRoute = createRoute({
  method: 'put',
  path: '/v1/alert-rules',
  tags,
  summary: 'Make the set of rules what a file says',
  description:
    'All of it or nothing: rules are told apart by their names, and those that are not named are removed. Sent twice, it changes nothing the second time.',
  ...requireScope('admin'),
  request: {
    query: z.strictObject({
      dryRun: z.enum(['true', 'false']).default('false').openapi({
        description: '`true`: only tells what would change, and what would have fired over the last 30 days.',
      }),
    }),
    body: { required: true, content: json(alertRuleSetInput) },
  },
  responses: {
    200: { description: 'What changed, or would', content: json(alertRulePlanOutput) },
    ...problems('already_exists'),
  },
});

export function registerAlertRules(app: App): void {
  app.openapi(listRoute, async (context) => {
    const { limit, cursor } = context.req.valid('query');
    const found = await listRules(context.var.shards.main, limit + 1, cursor ?? '');
    const { items, nextCursor } = pageOf(found, limit, ({ rule }) => rule.name);
    return context.json({ alertRules: items.map(ruleReply), nextCursor }, 200);
  });

  app.openapi(getRoute, async (context) => {
    const found = await getRule(context.var.shards.main, context.req.valid('param').id);
    return found.ok ? context.json(ruleReply(found.value), 200) : problemResponse(context, found.problem);
  });

  app.openapi(createRuleRoute, async (context) => {
    const created = await createRule(context.var.shards.main, context.req.valid('json'), authorOf(context));
    return created.ok
      ? context.json(ruleReply(created.value), 201)
      : problemResponse(context, created.problem);
  });

  app.openapi(changeRoute, async (context) => {
    const { id } = context.req.valid('param');
    const found = await getRule(context.var.shards.main, id);
    if (!found.ok) return problemResponse(context, found.problem);
    const rule = alertRuleInput.safeParse({ ...found.value.rule, ...context.req.valid('json') });
    if (!rule.success) return problemResponse(context, invalidBody(rule.error));
    const changed = await changeRule(context.var.shards.main, id, rule.data, authorOf(context));
    return changed.ok
      ? context.json(ruleReply(changed.value), 200)
      : problemResponse(context, changed.problem);
  });

  app.openapi(deleteRoute, async (context) => {
    const removed = await removeRule(
      context.var.shards.main,
      context.req.valid('param').id,
      authorOf(context),
    );
    return removed.ok ? context.body(null, 204) : problemResponse(context, removed.problem);
  });

  app.openapi(applyRoute, async (context) => {
    const dryRun = context.req.valid('query').dryRun === 'true';
    const { alertRules } = context.req.valid('json');
    const { shards, nowMs } = context.var;
    const plan = await applyRules(shards.main, alertRules, { ...authorOf(context), dryRun });
    if (!plan.ok) return problemResponse(context, plan.problem);
    const { created, changed, removed, unchanged } = plan.value;
    const { silentEverySeconds } = await fleetPace(context);
    const preview = dryRun ? await previewRules(shards, alertRules, silentEverySeconds, nowMs) : null;
    return context.json(
      {
        dryRun,
        created: [...created],
        changed: [...changed],
        removed: [...removed],
        unchanged: [...unchanged],
        preview: preview === null ? null : previewReply(preview),
      },
      200,
    );
  });
}

const previewReply = ({ fromMs, toMs, rules }: Preview) => ({
  from: instant(fromMs),
  to: instant(toMs),
  rules: rules.map(({ name, alerts }) => ({
    name,
    alerts: alerts === null ? null : alerts.length,
    newest: (alerts ?? []).slice(-SHOWN_PAST_ALERTS).reverse().map(pastAlertReply),
  })),
});

function pastAlertReply({ instance, startMs, firedAtMs, endMs, amounts }: PastAlert) {
  return {
    gridZone: shownGridZone(instance),
    startedAt: instant(startMs),
    firedAt: instant(firedAtMs),
    endedAt: instantOrNull(endMs),
    energyKwh: amounts.energyMillijoules / MILLIJOULES_PER_KWH,
    operationalGrams: amounts.grams,
  };
}

const authorOf = ({ var: { nowMs, caller } }: Context<AppEnv>) => ({ nowMs, tokenId: caller.tokenId });

function ruleReply({ id, rule, createdAtMs, changedAtMs, changedBy }: StoredRule) {
  return {
    id,
    ...rule,
    channelIds: [...rule.channelIds],
    createdAt: instant(createdAtMs),
    changedAt: instant(changedAtMs),
    changedBy,
  };
}
