/** Shapes of the routes of alert rules: what may be left out is filled in here, what cannot be evaluated is refused here. */
import { z } from '@hono/zod-openapi';
import { NO_ZONE } from '../../shared/alerts/facts.ts';
import { WHOLE_SCOPE } from '../../shared/alerts/fold.ts';
import {
  type AlertRule,
  BUDGET_EMISSIONS,
  BUDGET_PERIODS,
  DEFAULT_LIMITS,
  HEALTH_CHECKS,
} from '../../shared/alerts/rule.ts';
import { isOfJobs } from '../../shared/alerts/scope.ts';
import { SCOPES } from '../../shared/grid/intensity.ts';
import { instantOutput, lineOfText, siteIdInput } from '../http/schemas.ts';
import { parseScope } from '../use-cases/alerts/parse-scope.ts';
import { MAX_ALERT_RULES } from '../use-cases/alerts/rules.ts';

const DAY_MINUTES = 1_440;
const MAX_CHANNELS_PER_RULE = 10;

export const ruleNameInput = lineOfText(80).openapi({
  description: 'Unique; what `PUT /v1/alert-rules` and silences know the rule by.',
  example: 'Dirty hours in Berlin',
});

export const alertFilterInput = z.string().max(1_000).default('').openapi({
  description:
    'Which part of the fleet: `gridZone`, `site`, `node`, `project`, `job` and `label.<name>`; all must hold. Empty: the whole fleet.',
  example: 'site:berlin,label.team:nlp',
});

const minutes = (fallback: number, most: number, description: string) =>
  z.number().int().min(0).max(most).default(fallback).openapi({ description });

const common = (forMinutes: number) => ({
  name: ruleNameInput,
  filter: alertFilterInput,
  severity: z.enum(['info', 'warning', 'critical']).default('warning'),
  enabled: z.boolean().default(true),
  forMinutes: minutes(
    forMinutes,
    DAY_MINUTES,
    'How long the condition must hold without a break before it fires.',
  ),
  holdMinutes: minutes(
    30,
    DAY_MINUTES,
    'How long it must have been over, without a break, before the episode ends.',
  ),
  cooldownMinutes: minutes(0, 7 * DAY_MINUTES, 'No new episode fires so soon after the end of the last.'),
  renotifyMinutes: z
    .number()
    .int()
    .min(5)
    .max(7 * DAY_MINUTES)
    .nullable()
    .default(null)
    .openapi({ description: 'Says so often that it still fires; null: once.' }),
  channelIds: z
    .array(siteIdInput)
    .max(MAX_CHANNELS_PER_RULE)
    .default([])
    .openapi({
      description: 'Alert channels that are told; none: it is only listed.',
      example: ['ops-slack'],
    }),
});

const percentile = (fallback: number, description: string) =>
  z.number().min(0).max(1).default(fallback).openapi({ description });

const threshold = {
  aboveGramsPerKwh: z.number().min(0).max(5_000).nullable().default(null).openapi({
    description:
      'Dirty above this intensity, clean again at 95 % of it. Null: by what the zone had in the 30 days before.',
    example: 400,
  }),
  onPercentile: percentile(0.8, "Dirty above this share of the zone's own last 30 days."),
  offPercentile: percentile(0.7, 'Clean again at or below this share.'),
  minimumMedianRatio: z.number().min(1).max(10).default(1.15).openapi({
    description: 'Nor is an hour dirty below so many times the median of those days: silences flat grids.',
  }),
};

const watts = (fallback: number, description: string) =>
  z.number().min(0).max(1e9).default(fallback).openapi({ description });

const ordered = ({ onPercentile, offPercentile }: { onPercentile: number; offPercentile: number }) =>
  offPercentile <= onPercentile;
const notOrdered = { path: ['offPercentile'], message: 'expected at most onPercentile' };

const dirtyHours = z
  .strictObject({
    kind: z.literal('dirtyHours'),
    ...common(15),
    ...threshold,
    abovePowerWatts: watts(0, 'Only while the scope draws more in that grid zone; over at 80 % of it.'),
  })
  .refine(ordered, notOrdered);

const dirtyHoursAhead = z
  .strictObject({
    kind: z.literal('dirtyHoursAhead'),
    ...common(0),
    ...threshold,
    withinHours: z.number().int().min(1).max(48).default(6).openapi({
      description: 'The forecast crosses the threshold within so many hours.',
    }),
    abovePowerWatts: watts(0, 'Load is expected where the scope draws more than this now.'),
  })
  .refine(ordered, notOrdered);

const burnRate = (hours: number, aboveRatio: number, description: string) =>
  z
    .strictObject({ hours: z.number().int().min(1).max(72), aboveRatio: z.number().min(0.1).max(1_000) })
    .nullable()
    .default({ hours, aboveRatio })
    .openapi({ description });

const budget = z.strictObject({
  kind: z.literal('budget'),
  ...common(0),
  emissions: z.enum(BUDGET_EMISSIONS).default('operational'),
  scope: z.enum(SCOPES).optional().openapi({
    description:
      'Only operational grams at intensities of this scope. Default: of each zone by the scope that it has, consumption and production together.',
  }),
  budgetGrams: z.number().positive().max(1e15),
  period: z.enum(BUDGET_PERIODS).openapi({ description: 'In UTC; weeks begin on Monday.' }),
  fastBurn: burnRate(1, 2, 'Fires while the last hours used the budget so many times too fast; null: never.'),
  slowBurn: burnRate(6, 1.2, 'The same over a longer time, for what burns steadily; null: never.'),
});

const waste = z.strictObject({
  kind: z.literal('waste'),
  ...common(30),
  aboveIdlePowerWatts: z.number().min(0).max(1e9).openapi({
    description: 'Power of devices that are proven to be free; over at 80 % of it.',
  }),
});

const RATIO_CHECKS: readonly string[] = ['coverage', 'counterDisagreement'];
const PLAIN_CHECKS: readonly string[] = ['sensorLost', 'twoAgents'];

const health = z
  .strictObject({
    kind: z.literal('health'),
    ...common(10),
    check: z.enum(HEALTH_CHECKS),
    limit: z.number().min(0).max(1e6).optional().openapi({
      description:
        'Minutes for `nodeSilent` (default 30) and `gridDataStale` (180), the least ratio for `coverage` (0.9), the largest difference as a ratio for `counterDisagreement` (0.1), waiting reports for `spoolGrowing` (120); the others take none.',
    }),
  })
  .superRefine(({ check, limit = 0 }, context) => {
    const most = PLAIN_CHECKS.includes(check) ? 0 : RATIO_CHECKS.includes(check) ? 1 : 1e6;
    if (limit <= most) return;
    const message = most === 0 ? `leave it out: "${check}" has no limit` : 'expected a ratio from 0 to 1';
    context.addIssue({ code: 'custom', path: ['limit'], message });
  })
  .transform(({ limit, ...rule }) => ({ ...rule, limit: limit ?? DEFAULT_LIMITS[rule.check] }));

/** Gives every field of an `AlertRule`, in one order: equal rules have equal JSON. */
export const alertRuleInput = z
  .discriminatedUnion('kind', [dirtyHours, dirtyHoursAhead, budget, waste, health])
  .superRefine((rule: AlertRule, context) => {
    const scope = parseScope(rule.filter);
    if (!scope.ok) {
      const message = scope.problem.detail.replace(/^filter: (.*)\.$/, '$1');
      context.addIssue({ code: 'custom', path: ['filter'], message });
      return;
    }
    const needs = isOfJobs(scope.value) ? moreThanEnergy(rule) : null;
    if (needs === null) return;
    const message = `${needs} is not known of a project or a job, only of nodes; use gridZone, site, node or a label`;
    context.addIssue({ code: 'custom', path: ['filter'], message });
  })
  .openapi('AlertRuleInput');

/** What a rule asks of its scope that jobs do not have; null where energy and its emissions are enough. */
function moreThanEnergy(rule: AlertRule): string | null {
  if (rule.kind === 'waste') return 'idle power';
  if (rule.kind === 'health') return 'health';
  return rule.kind === 'budget' && rule.emissions !== 'operational' ? 'embodied carbon' : null;
}

export const alertRuleChangeInput = z
  .record(z.string(), z.unknown())
  .refine((change) => Object.keys(change).length > 0, 'expected at least one field to change')
  .openapi('AlertRuleChange', {
    description: 'Fields of AlertRuleInput; those that are left out stay.',
    example: { abovePowerWatts: 20_000 },
  });

export const alertRuleSetInput = z
  .strictObject({
    alertRules: z
      .array(alertRuleInput)
      .max(MAX_ALERT_RULES)
      .superRefine((rules, context) => {
        const seen = new Set<string>();
        rules.forEach(({ name }, index) => {
          if (seen.has(name)) {
            const message = 'another rule of the set has this name';
            context.addIssue({ code: 'custom', path: [index, 'name'], message });
          }
          seen.add(name);
        });
      }),
  })
  .openapi('AlertRuleSet');

const burnRateOutput = z.object({ hours: z.number().int(), aboveRatio: z.number() }).nullable();

export const alertRuleOutput = z
  .object({
    id: z.string().openapi({ example: 'rule_5f2c1b7a9d3e4f60' }),
    kind: z.enum(['dirtyHours', 'dirtyHoursAhead', 'budget', 'waste', 'health']),
    name: z.string(),
    filter: z.string(),
    severity: z.enum(['info', 'warning', 'critical']),
    enabled: z.boolean(),
    forMinutes: z.number(),
    holdMinutes: z.number(),
    cooldownMinutes: z.number(),
    renotifyMinutes: z.number().nullable(),
    channelIds: z.array(z.string()),
    aboveGramsPerKwh: z.number().nullable().optional(),
    onPercentile: z.number().optional(),
    offPercentile: z.number().optional(),
    minimumMedianRatio: z.number().optional(),
    abovePowerWatts: z.number().optional(),
    withinHours: z.number().optional(),
    emissions: z.enum(BUDGET_EMISSIONS).optional(),
    budgetGrams: z.number().optional(),
    period: z.enum(BUDGET_PERIODS).optional(),
    fastBurn: burnRateOutput.optional(),
    slowBurn: burnRateOutput.optional(),
    aboveIdlePowerWatts: z.number().optional(),
    check: z.enum(HEALTH_CHECKS).optional(),
    limit: z.number().optional(),
    createdAt: instantOutput,
    changedAt: instantOutput,
    changedBy: z.string().openapi({ description: 'Id of a token.' }),
  })
  .openapi('AlertRule', { description: 'With the fields of its kind, as in AlertRuleInput.' });

/** Null of a budget, and where a site has no grid zone. */
export const shownGridZone = (instance: string): string | null =>
  instance === WHOLE_SCOPE || instance === NO_ZONE ? null : instance;

const names = z.array(z.string()).openapi({ description: 'Names of rules.' });

export const SHOWN_PAST_ALERTS = 10;

const previewOutput = z
  .object({
    from: instantOutput.openapi({
      description: '30 days before `to`; later where the fleet or the set is too large for one answer.',
    }),
    to: instantOutput,
    rules: z.array(
      z.object({
        name: z.string(),
        alerts: z.number().int().nullable().openapi({
          description:
            'How often it would have fired; null of a rule that is switched off or that tells only how things stand now (`dirtyHoursAhead`, most health checks).',
        }),
        newest: z
          .array(
            z.object({
              gridZone: z.string().nullable(),
              startedAt: instantOutput,
              firedAt: instantOutput,
              endedAt: instantOutput.nullable(),
              energyKwh: z.number(),
              operationalGrams: z.number(),
            }),
          )
          .openapi({ description: `Newest first, ${SHOWN_PAST_ALERTS} at most.` }),
      }),
    ),
  })
  .openapi('AlertRulePreview', {
    description:
      'What the set would have fired, by what is known now of that time. A budget counts from `from` on in its first period.',
  });

export const alertRulePlanOutput = z
  .object({
    dryRun: z.boolean().openapi({ description: 'True: nothing was changed.' }),
    created: names,
    changed: names,
    removed: names,
    unchanged: names,
    preview: previewOutput.nullable().openapi({ description: 'Of a dry run; else null.' }),
  })
  .openapi('AlertRulePlan');
