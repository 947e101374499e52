/**
 * Families of samples in the two text formats that monitoring systems read: OpenMetrics 1.0, and Prometheus' own 0.0.4 for
 * those that do not ask for the first. Names and labels are escaped as they ask.
 */

export const OPEN_METRICS_CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** Counters: epoch milliseconds at which it began at 0. */
  readonly createdMs?: number;
}

export interface MetricFamily {
  /** Without `_total` or `_info`: the format adds them. */
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'info';
  readonly help: string;
  /** Base unit; the name ends with it. */
  readonly unit?: string;
  readonly samples: readonly Sample[];
}

const NAME = /^[a-z][a-z0-9_]*$/;
const SUFFIX = { gauge: '', counter: '_total', info: '_info' } as const;

/** The text with its content type, by what the `Accept` header names. */
export function exposition(
  families: readonly MetricFamily[],
  accept: string,
): { readonly contentType: string; readonly text: string } {
  return accept.includes('application/openmetrics-text')
    ? { contentType: OPEN_METRICS_CONTENT_TYPE, text: openMetricsText(families) }
    : { contentType: PROMETHEUS_CONTENT_TYPE, text: prometheusText(families) };
}

/** Prometheus' format 0.0.4: the family carries the suffix of its samples, and knows neither units nor `info`. */
export function prometheusText(families: readonly MetricFamily[]): string {
  const lines = families.flatMap((family) => {
    const name = `${family.name}${SUFFIX[family.type]}`;
    return [
      `# HELP ${name} ${family.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
      `# TYPE ${name} ${family.type === 'info' ? 'gauge' : family.type}`,
      ...family.samples.map(({ labels, value }) => `${name}${labelSet(labels)} ${value}`),
    ];
  });
  return `${lines.join('\n')}\n`;
}

/** @throws RangeError for a name that breaks the format (a programming error) */
export function openMetricsText(families: readonly MetricFamily[]): string {
  const lines = families.flatMap((family) => [
    ...header(family),
    ...family.samples.flatMap(sampleOf(family)),
  ]);
  return `${[...lines, '# EOF'].join('\n')}\n`;
}

function header({ name, type, help, unit }: MetricFamily): string[] {
  if (!NAME.test(name) || (unit !== undefined && !name.endsWith(`_${unit}`)))
    throw new RangeError(`"${name}" is no metric name for the unit ${unit ?? '(none)'}`);
  return [
    `# TYPE ${name} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
    `# HELP ${name} ${escapeText(help)}`,
  ];
}

const sampleOf =
  ({ name, type }: MetricFamily) =>
  ({ labels, value, createdMs }: Sample): string[] => {
    const set = labelSet(labels);
    const created = createdMs === undefined ? [] : [`${name}_created${set} ${createdMs / 1_000}`];
    return [`${name}${SUFFIX[type]}${set} ${value}`, ...created];
  };

function labelSet(labels: Labels): string {
  const labelText = Object.entries(labels).map(([key, text]) => `${key}="${escapeText(text)}"`);
  return labelText.length === 0 ? '' : `{${labelText.join(',')}}`;
}

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
