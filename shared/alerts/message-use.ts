/** Messages about what the fleet does: budgets, idle devices and the health of the metering. */
import { gridFields } from './message-grid.ts';
import type { BudgetRule, HealthRule } from './rule.ts';
import { inZone, scopeInside, scopeName, type Told, type Words } from './situation.ts';
import { count, list, mass, percent, power, times, when } from './words.ts';

export function budgetWords({ scope, situation }: Told, rule: BudgetRule): Words {
  const reading = situation.budget;
  if (reading === null) return { summary: `Budget of ${scopeName(scope)}`, lines: [], fields: {} };
  const { usedGrams, usedRatio, fastBurnRatio, slowBurnRatio, exhaustedAtMs, countedFromMs, periodEndMs } =
    reading;
  const pace = [
    ...burnLine(rule.fastBurn?.hours, fastBurnRatio),
    ...burnLine(rule.slowBurn?.hours, slowBurnRatio),
  ];
  const since =
    countedFromMs > reading.periodStartMs
      ? [`That is counted from ${when(countedFromMs)} on: what came before was too much to sum.`]
      : [];
  const end =
    usedRatio >= 1
      ? `It is used up; the ${rule.period} ends ${when(periodEndMs)}.`
      : exhaustedAtMs === null
        ? `At this pace it lasts until the ${rule.period} ends, ${when(periodEndMs)}.`
        : `At this pace it is used up about ${when(exhaustedAtMs)}; the ${rule.period} ends ${when(periodEndMs)}.`;
  return {
    summary: `${scopeName(scope)} has used ${percent(usedRatio)} of its ${rule.emissions} budget of ${mass(rule.budgetGrams)} CO2eq per ${rule.period}`,
    lines: [`${mass(usedGrams)} of ${mass(rule.budgetGrams)} CO2eq are used.`, ...since, ...pace, end],
    fields: {
      emissions: rule.emissions,
      ...(rule.scope && { scope: rule.scope }),
      period: rule.period,
      budgetGrams: rule.budgetGrams,
      usedGrams,
      usedRatio,
      fastBurnRatio,
      slowBurnRatio,
      exhaustedAtMs,
      periodStartMs: reading.periodStartMs,
      countedFromMs,
      periodEndMs,
    },
  };
}

const burnLine = (hours: number | undefined, ratio: number | null): string[] =>
  hours === undefined || ratio === null
    ? []
    : [
        `The last ${hours === 1 ? 'hour' : `${hours} hours`} used it ${times(ratio)} as fast as it may be used.`,
      ];

export function wasteWords({ scope, instance, episode, situation }: Told): Words {
  const { idlePowerWatts, gramsPerKwh, facilityKilowatts, powerWatts } = situation;
  const idle = idlePowerWatts === null ? 'power' : power(idlePowerWatts);
  const share = idlePowerWatts === null || !powerWatts ? null : idlePowerWatts / powerWatts;
  const perHour =
    gramsPerKwh === null || facilityKilowatts === null || share === null
      ? null
      : gramsPerKwh * facilityKilowatts * share;
  return {
    summary: `${scopeName(scope)} draws ${idle}${inZone(instance)} on devices that no job holds`,
    lines: [
      `Devices without a job draw ${idle} since ${when(episode.startMs)}${share === null ? '' : `, ${percent(share)} of what the scope draws`}.`,
      ...(perHour === null ? [] : [`That emits ${mass(perHour)} CO2eq an hour.`]),
      'Give them work, or power them down.',
    ],
    fields: { ...gridFields(situation), idlePowerWatts, idleGramsPerHour: perHour },
  };
}

const HEALTH_TEXT: Readonly<Record<HealthRule['check'], { readonly what: string; readonly todo: string }>> = {
  nodeSilent: {
    what: 'has nodes that report nothing',
    todo: 'See whether the host is up and `systemctl status wattshed`; its agent keeps what it metered and sends it later.',
  },
  coverage: {
    what: 'is metered too little of the time',
    todo: '`wattshed doctor` on a node names each sensor that is missing, and the fix.',
  },
  sensorLost: {
    what: 'has sensors that fail',
    todo: '`wattshed doctor` on the node names the fix.',
  },
  counterDisagreement: {
    what: 'has devices whose energy counter and power disagree',
    todo: 'The counter is what is booked. Compare both with another meter before you trust either.',
  },
  gridDataStale: {
    what: 'has no fresh intensity',
    todo: 'Figures of these hours stand on values carried forward until the provider answers; see /metrics for its failures.',
  },
  spoolGrowing: {
    what: 'has agents with reports that wait to be sent',
    todo: 'See whether those nodes reach the server; nothing is lost while their disk has room.',
  },
  twoAgents: {
    what: 'has two agents that report as one node',
    todo: 'Enrol one of the hosts again; what contradicts waits in /v1/quarantine.',
  },
};

export function healthWords({ scope, instance, episode, situation }: Told, rule: HealthRule): Words {
  const { what, todo } = HEALTH_TEXT[rule.check];
  const { concerned, coverageRatio, disagreementRatio } = situation;
  const which = concerned.length === 0 ? '' : `: ${list(concerned)}`;
  const measure =
    rule.check === 'coverage' && coverageRatio !== null
      ? ` (${percent(coverageRatio)}, at least ${percent(rule.limit)} wanted)`
      : rule.check === 'counterDisagreement' && disagreementRatio !== null
        ? ` (by ${percent(disagreementRatio)})`
        : '';
  return {
    summary: `${scopeName(scope)}${inZone(instance)} ${what}${measure}${which}`,
    lines: [
      `Since ${when(episode.startMs)} ${scopeInside(scope)}${inZone(instance)} ${what}${measure}.`,
      ...(concerned.length === 0 ? [] : [`${count(concerned.length, 'case')}: ${list(concerned, 20)}.`]),
      todo,
    ],
    fields: {
      check: rule.check,
      limit: rule.limit,
      concernedCount: concerned.length,
      concerned: list(concerned, 20),
      coverageRatio,
      disagreementRatio,
    },
  };
}
