/** The next 24 hours of each zone as a line, the best four hours marked, and in words what waiting for them saves. */
import { quiet } from './card.ts';
import { element, svgElement } from './dom.ts';
import { formatClock, formatIntensity, formatNumber, formatShare } from './format.ts';
import type { Zone } from './load.ts';
import { JOB_MS, type Outlook } from './load-outlook.ts';

const WIDTH = 240;
const HEIGHT = 40;
const HOURS = JOB_MS / 3_600_000;

/** None where no zone has a forecast. */
export function outlookCard(zones: readonly Zone[]): HTMLElement[] {
  const items = zones.flatMap(({ key, outlook }) => (outlook === null ? [] : [zoneOutlook(key, outlook)]));
  if (items.length === 0) return [];
  return [
    element(
      'section',
      { class: 'card' },
      element('div', { class: 'card-head' }, element('h2', {}, 'The next 24 hours')),
      element('ul', { class: 'outlook' }, ...items),
    ),
  ];
}

function zoneOutlook(key: string, outlook: Outlook): HTMLElement {
  const { steps, best, provider } = outlook;
  const values = steps.map(({ gramsPerKwh }) => gramsPerKwh);
  const range = `${formatNumber(Math.min(...values))} to ${formatIntensity(Math.max(...values))}`;
  return element(
    'li',
    {},
    element('p', {}, element('strong', {}, key), ` ${range}`),
    line(outlook, `${key}, the next 24 hours: ${range}`),
    quiet(
      best === null
        ? `Forecast by ${provider}: no start is clearly better than now.`
        : `Forecast by ${provider}: a ${HOURS} h job started at ${formatClock(best.startMs)} should emit ${formatShare(best.savingRatio)} less than one started now.`,
    ),
  );
}

function line({ fromMs, toMs, steps, best }: Outlook, label: string): SVGSVGElement {
  const highest = Math.max(...steps.map(({ gramsPerKwh }) => gramsPerKwh), 1);
  const x = (ms: number) => (((ms - fromMs) / (toMs - fromMs)) * WIDTH).toFixed(1);
  const y = (grams: number) => (HEIGHT - 1 - (grams / highest) * (HEIGHT - 2)).toFixed(1);
  const points = steps.flatMap(({ startMs, endMs, gramsPerKwh }) => [
    `${x(startMs)},${y(gramsPerKwh)}`,
    `${x(endMs)},${y(gramsPerKwh)}`,
  ]);
  return svgElement(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    best &&
      svgElement('rect', {
        class: 'start',
        x: x(best.startMs),
        y: 0,
        width: ((JOB_MS / (toMs - fromMs)) * WIDTH).toFixed(1),
        height: HEIGHT,
      }),
    svgElement('polyline', { class: 'expected', points: points.join(' ') }),
  );
}
