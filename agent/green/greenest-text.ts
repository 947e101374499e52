/** The answer of `wattshed greenest` for a terminal of 80 columns. */
import { table } from '../text-table.ts';
import { wrapped } from '../text-wrap.ts';
import type { Choice, GreenestAnswer, Saving, ZoneAnswer } from './greenest-answer.ts';
import { bothText, digits, durationText, gramsText, intensityText, localText, shareText } from './words.ts';

/** More of a job that pauses often is left to `--json`. */
const MAX_SPANS = 8;
const WIDTH = 80;
const MINUTE_MS = 60_000;

export function greenestText(answer: GreenestAnswer, nowMs: number, timeZone?: string): string {
  const { best, zones, excluded } = answer;
  const at = (text: string) => bothText(Date.parse(text), timeZone);
  const job = `${durationText(answer.durationMinutes * MINUTE_MS)} at ${digits(answer.powerWatts)} W`;
  const lines = [`A job of ${job}, ended by ${at(answer.deadline)}`, ''];
  if (best !== null) {
    const inMs = Date.parse(best.start) - nowMs;
    const isLater = Date.parse(answer.notBefore) - nowMs > MINUTE_MS;
    lines.push(
      ...rows([
        [
          'best start',
          `${at(best.start)}, ${inMs < MINUTE_MS ? 'which is now' : `in ${durationText(inMs)}`}`,
        ],
        ['ends', at(best.end)],
        ['zone', best.gridZone],
        ['emits', `${bandText(best)}, ${intensityText(best.gramsPerKwh)}`],
        [
          isLater ? 'at earliest' : 'at once',
          answer.startNow === null ? 'not known' : nowText(answer.startNow, best),
        ],
        ['saves', answer.saving === null ? 'not known' : savingText(answer.saving)],
      ]),
      ...spansText(best, answer.interruptible, timeZone),
      '',
      ...wrapped(worthText(answer), WIDTH),
    );
  }
  if (zones.length > 1) lines.push('', zonesTable(zones, timeZone).trimEnd());
  if (excluded.length > 0)
    lines.push(
      '',
      'Not judged:',
      ...excluded.flatMap(({ gridZone, reason }) =>
        wrapped(`${gridZone}: ${reason}`, WIDTH - 2).map((line) => `  ${line}`),
      ),
    );
  const forecast = zones.find(({ gridZone }) => gridZone === best?.gridZone)?.forecast;
  if (forecast !== undefined) {
    const by = forecast.provider === 'wattshed' ? "Wattshed's own" : forecast.provider;
    lines.push('', ...wrapped(`Forecast of ${answer.scope}: ${by}, issued ${at(forecast.issuedAt)}.`, WIDTH));
  }
  return `${lines.join('\n')}\n`;
}

/** Why it is, or is not, worth waiting: one sentence. */
export function worthText({
  best,
  startNow,
  saving,
  worthWaiting,
}: Omit<GreenestAnswer, 'zones' | 'excluded'>): string {
  if (best === null) return 'No start can be told from another.';
  if (startNow === null || saving === null)
    return 'Whether waiting helps is not known: no forecast says what a start now would emit.';
  if (worthWaiting) return 'Worth waiting: even at the lower end of what is expected it saves something.';
  const isSame = best.start === startNow.start && best.gridZone === startNow.gridZone;
  if (isSame) return 'Not worth waiting: no later start is expected to emit less.';
  return `Not worth waiting: what it saves may as well be a loss (${gramsText(saving.gramsLow)} to ${gramsText(saving.gramsHigh)}).`;
}

export const savingText = ({ grams, gramsLow, gramsHigh, ratio }: Saving): string =>
  `${gramsText(grams)} (${shareText(ratio)}); 80 % of outcomes: ${gramsText(gramsLow)} to ${gramsText(gramsHigh)}`;

const bandText = ({ grams, gramsLow, gramsHigh }: Choice): string =>
  `${gramsText(grams)} (${gramsText(gramsLow)} to ${gramsText(gramsHigh)})`;

const nowText = (now: Choice & { readonly gridZone: string }, best: { readonly gridZone: string }): string =>
  `${bandText(now)}, ${intensityText(now.gramsPerKwh)}${now.gridZone === best.gridZone ? '' : `, in ${now.gridZone}`}`;

function spansText({ spans }: Choice, interruptible: boolean, timeZone: string | undefined): string[] {
  if (!interruptible || spans.length < 2) return [];
  const shown = spans.slice(0, MAX_SPANS).map(({ start, end }) => {
    const text = `  ${localText(Date.parse(start), timeZone)} to ${localText(Date.parse(end), timeZone)}`;
    return `${text}, ${durationText(Date.parse(end) - Date.parse(start))}`;
  });
  const more = spans.length - shown.length;
  return ['', 'It runs', ...shown, ...(more > 0 ? [`  and ${more} times more (--json lists all)`] : [])];
}

function zonesTable(zones: readonly ZoneAnswer[], timeZone: string | undefined): string {
  return table(
    ['ZONE', 'BEST START', 'EMITS', 'NOW', 'BY WAITING'],
    zones.map(({ gridZone, best, startNow, saving }) => [
      gridZone,
      localText(Date.parse(best.start), timeZone),
      gramsText(best.grams),
      startNow === null ? '-' : gramsText(startNow.grams),
      saving === null ? '-' : `${gramsText(saving.grams)}${saving.worthWaiting ? '' : ', unsure'}`,
    ]),
  );
}

function rows(pairs: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...pairs.map(([name]) => name.length)) + 2;
  return pairs.map(([name, value]) => `${name.padEnd(width)}${value}`);
}
