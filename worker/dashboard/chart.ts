/** Emissions by hour as stacked bars: operational below, embodied above, a dashed foot where nothing was metered. */
import { svgElement } from './dom.ts';
import { formatClock, formatMass, formatNumber, formatShare, massUnit } from './format.ts';
import type { Hour } from './load.ts';

const HEIGHT = 190;
const LEFT = 44;
/** Room for the unit above the highest label. */
const TOP = 26;
const BOTTOM = 22;
const FOOT = HEIGHT - BOTTOM;

/** `hours` are the hours of the day so far; the axis spans all `hoursOfDay` of it (23 or 25 when clocks change). */
export function hourChart(hours: readonly Hour[], hoursOfDay: number, width: number): SVGSVGElement {
  const largest = Math.max(...hours.map((hour) => hour.operationalGrams + hour.embodiedGrams), 0);
  const ceiling = niceCeiling(largest);
  const slot = (width - LEFT) / hoursOfDay;
  const height = (grams: number) => (ceiling === 0 ? 0 : (grams / ceiling) * (FOOT - TOP));
  return svgElement(
    'svg',
    {
      class: 'chart',
      viewBox: `0 0 ${width} ${HEIGHT}`,
      role: 'img',
      'aria-label': 'Emissions of today by hour; the same figures are in the table below',
    },
    ...axis(ceiling, width, height),
    ...hours.flatMap((hour, index) => bar(hour, LEFT + index * slot, slot, height)),
    ...hourLabels(hours[0]?.startMs, hoursOfDay, slot),
  );
}

function axis(ceiling: number, width: number, height: (grams: number) => number): SVGElement[] {
  const unit = massUnit(ceiling);
  const steps = ceiling === 0 ? [0] : [0, ceiling / 2, ceiling];
  return [
    svgElement('text', { x: 0, y: 10 }, `${unit.symbol} CO₂eq`),
    ...steps.flatMap((grams) => {
      const y = FOOT - height(grams);
      return [
        svgElement('line', { x1: LEFT, x2: width, y1: y, y2: y }),
        svgElement('text', { x: LEFT - 8, y: y + 4, 'text-anchor': 'end' }, formatNumber(grams / unit.size)),
      ];
    }),
  ];
}

function bar(hour: Hour, x: number, slot: number, height: (grams: number) => number): SVGElement[] {
  const gap = Math.min(4, slot * 0.2);
  const operational = height(hour.operationalGrams);
  const embodied = height(hour.embodiedGrams);
  const box = { x: x + gap / 2, width: slot - gap };
  const parts: SVGElement[] = [
    svgElement('title', {}, describe(hour)),
    svgElement('rect', { ...box, class: 'operational', y: FOOT - operational, height: operational }),
    svgElement('rect', { ...box, class: 'embodied', y: FOOT - operational - embodied, height: embodied }),
  ];
  if (hour.isGap) {
    parts.push(svgElement('line', { class: 'gap', x1: box.x, x2: box.x + box.width, y1: FOOT, y2: FOOT }));
  }
  return [svgElement('g', {}, ...parts)];
}

function describe(hour: Hour): string {
  if (hour.coverage === null) return `${formatClock(hour.startMs)}: no node yet`;
  const metered = hour.coverage === 0 ? 'nothing metered' : `${formatShare(hour.coverage)} metered`;
  return `${formatClock(hour.startMs)}: ${formatMass(hour.operationalGrams)} operational, ${formatMass(hour.embodiedGrams)} embodied, ${metered}`;
}

function hourLabels(startMs: number | undefined, hoursOfDay: number, slot: number): SVGElement[] {
  if (startMs === undefined) return [];
  const every = slot * 3 < 44 ? 6 : 3;
  return Array.from({ length: Math.ceil(hoursOfDay / every) }, (_, index) =>
    svgElement(
      'text',
      { x: LEFT + index * every * slot, y: HEIGHT - 6 },
      formatClock(startMs + index * every * 3_600_000),
    ),
  );
}

/** The smallest of 1, 2, 3, 4, 6, 8 or 10 times a power of ten that is not below the value; its half is short, too. */
function niceCeiling(value: number): number {
  if (value <= 0) return 0;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 3, 4, 6, 8, 10].find((factor) => factor * power >= value) ?? 10);
}
