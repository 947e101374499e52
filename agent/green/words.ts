/** Instants, durations and grams as people read them, in the time zone of the terminal. */

const MINUTE_MS = 60_000;

/** `6 h 14 min`, `45 s`, `2 d 3 h`: two units at most. */
export function durationText(ms: number): string {
  const units: [number, string][] = [
    [Math.floor(ms / 86_400_000), 'd'],
    [Math.floor(ms / 3_600_000) % 24, 'h'],
    [Math.floor(ms / MINUTE_MS) % 60, 'min'],
  ];
  const first = units.findIndex(([count]) => count > 0);
  if (first < 0) return `${Math.max(0, Math.ceil(ms / 1000))} s`;
  return units
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** `Thu 26 Nov 02:00 CET`, with the year where it is another than now. */
export function localText(ms: number, timeZone?: string): string {
  const parts = partsOf(ms, timeZone);
  return `${parts.weekday} ${parts.day} ${parts.month} ${parts.hour}:${parts.minute} ${parts.timeZoneName}`;
}

/** Local, and UTC beside it where that is another time: `Thu 26 Nov 02:00 CET (01:00 UTC)`. */
export function bothText(ms: number, timeZone?: string): string {
  const local = localText(ms, timeZone);
  if (local.endsWith(' UTC')) return local;
  const here = partsOf(ms, timeZone);
  const utc = partsOf(ms, 'UTC');
  const day = here.day === utc.day ? '' : `${utc.weekday} `;
  return `${local} (${day}${utc.hour}:${utc.minute} UTC)`;
}

function partsOf(ms: number, timeZone: string | undefined) {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  });
  const parts = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
  // A host without a time zone of its own calls it so.
  return { ...parts, timeZoneName: parts.timeZoneName?.replace(/^(GMT|Etc\/UTC)$/, 'UTC') } as Record<
    'weekday' | 'day' | 'month' | 'hour' | 'minute' | 'timeZoneName',
    string
  >;
}

/** `412 g`, `1.28 kg`, `-3.1 g`: three digits. */
export function gramsText(grams: number): string {
  const size = Math.abs(grams);
  const [value, unit] =
    size >= 999_500 ? [grams / 1e6, 't'] : size >= 999.5 ? [grams / 1000, 'kg'] : [grams, 'g'];
  return `${digits(value)} ${unit}`;
}

/** Three digits, as many behind the point as that leaves. */
export function digits(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

export const intensityText = (gramsPerKwh: number): string => `${digits(gramsPerKwh)} g/kWh`;
export const shareText = (ratio: number): string => `${Math.round(ratio * 100)} %`;
