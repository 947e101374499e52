/** Messages about the grid: how dirty it is, for how long, and what waiting or moving would save. */
import type { AlertFields } from './notification.ts';
import type { DirtyHoursAheadRule } from './rule.ts';
import { type Situation, scopeInside, scopeName, type Told, type Words } from './situation.ts';
import { type Limits, medianOf, USUAL_DAYS, type Usual } from './usual.ts';
import { count, intensity, mass, power, times, when } from './words.ts';

export function dirtyWords(told: Told): Words {
  const { scope, instance, episode, situation } = told;
  const { powerWatts, nodesReporting, gramsPerKwh, gridKind, usual, limits } = situation;
  const ratio = gramsPerKwh === null || usual === null ? null : gramsPerKwh / medianOf(usual);
  const load = powerWatts === null ? 'draws power' : `draws ${power(powerWatts)}`;
  const grid = gramsPerKwh === null ? 'in dirty hours' : `at ${intensity(gramsPerKwh)}`;
  const lines = [
    ...(gramsPerKwh === null ? [] : [gridLine(instance, gramsPerKwh, gridKind, usual, limits)]),
    `${scopeName(scope)} ${load} there${nodesReporting === null ? '' : ` on ${count(nodesReporting, 'node')}`} and has emitted ${mass(episode.amounts.grams)} CO2eq since ${when(episode.startMs)}.`,
    ...outlookLines(situation),
  ];
  return {
    summary: `${scopeName(scope)} ${load} in ${instance} ${grid}${ratio === null ? '' : `, ${times(ratio)} its usual`}`,
    lines,
    fields: gridFields(situation),
  };
}

function gridLine(
  gridZone: string,
  gramsPerKwh: number,
  kind: string | null,
  usual: Usual | null,
  limits: Limits | null,
): string {
  const known = kind === null ? '' : ` (${kind})`;
  const since = usual === null ? '' : usualText(usual);
  const limit = limits === null ? '' : ` This rule calls it dirty above ${intensity(limits.onGramsPerKwh)}.`;
  return `The grid of ${gridZone} is at ${intensity(gramsPerKwh)}${known}${since}.${limit}`;
}

function usualText(usual: Usual): string {
  const days =
    usual.days < USUAL_DAYS
      ? `the ${usual.days.toFixed(1)} days that are known of it (fewer than ${USUAL_DAYS})`
      : `its last ${USUAL_DAYS} days`;
  return `; the median of ${days} is ${intensity(medianOf(usual))}`;
}

/** The way out: until when, what waiting saves, what another zone saves. */
function outlookLines({ waiting, elsewhere, gramsPerKwh, facilityKilowatts }: Situation): string[] {
  const lines: string[] = [];
  if (waiting === null) lines.push('No forecast of this zone is known, so its end cannot be told.');
  else if (waiting.endMs === null)
    lines.push(`The forecast sees no end of it until ${when(waiting.knownUntilMs)}.`);
  else {
    const saving =
      waiting.savedGrams === null
        ? ''
        : ` Pausing until then and catching up afterwards would save about ${mass(waiting.savedGrams)} CO2eq.`;
    lines.push(`By the forecast it ends about ${when(waiting.endMs)}.${saving}`);
  }
  if (elsewhere !== null && gramsPerKwh !== null && facilityKilowatts !== null) {
    lines.push(
      `The same load in ${elsewhere.gridZone}, where the fleet stands as well, would emit ${mass(elsewhere.gramsPerKwh * facilityKilowatts)} an hour instead of ${mass(gramsPerKwh * facilityKilowatts)}.`,
    );
  }
  return lines;
}

export function gridFields({
  powerWatts,
  nodesReporting,
  gramsPerKwh,
  gridKind,
  usual,
  limits,
  waiting,
  elsewhere,
  facilityKilowatts,
}: Situation): AlertFields {
  const savedPerHour =
    elsewhere === null || gramsPerKwh === null || facilityKilowatts === null
      ? null
      : (gramsPerKwh - elsewhere.gramsPerKwh) * facilityKilowatts;
  return {
    powerWatts,
    nodesReporting,
    gramsPerKwh,
    gridKind,
    usualGramsPerKwh: usual === null ? null : medianOf(usual),
    usualDays: usual?.days ?? null,
    onGramsPerKwh: limits?.onGramsPerKwh ?? null,
    offGramsPerKwh: limits?.offGramsPerKwh ?? null,
    forecastEndAtMs: waiting?.endMs ?? null,
    pauseSavedGrams: waiting?.savedGrams ?? null,
    otherGridZone: elsewhere?.gridZone ?? null,
    otherGridZoneGramsPerKwh: elsewhere?.gramsPerKwh ?? null,
    otherGridZoneSavedGramsPerHour: savedPerHour,
  };
}

export function aheadWords(told: Told, rule: DirtyHoursAheadRule): Words {
  const { scope, instance, situation } = told;
  const { ahead, powerWatts, usual, limits } = situation;
  const load = powerWatts === null ? '' : `, and ${scopeInside(scope)} draws ${power(powerWatts)} there now`;
  const begins = ahead === null ? `within ${rule.withinHours} hours` : `about ${when(ahead.startMs)}`;
  const height = ahead === null ? '' : ` with ${intensity(ahead.gramsPerKwh)}`;
  const limit = limits === null ? '' : `; this rule calls it dirty above ${intensity(limits.onGramsPerKwh)}`;
  return {
    summary: `Dirty hours in ${instance} begin ${begins}${height}${load}`,
    lines: [
      `By the forecast the grid of ${instance} becomes dirty ${begins}${height}${usual === null ? '' : usualText(usual)}${limit}.`,
      `The load of ${scopeInside(scope)} is expected to go on as it is now${powerWatts === null ? '' : `: ${power(powerWatts)}`}.`,
      'What can wait is best not started now, or finished before.',
    ],
    fields: {
      ...gridFields(situation),
      dirtyFromMs: ahead?.startMs ?? null,
      dirtyGramsPerKwh: ahead?.gramsPerKwh ?? null,
    },
  };
}
