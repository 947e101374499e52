/** The OpenMetrics 1.0 text format: families of samples, with names and labels escaped as it asks. */

export const OPEN_METRICS_CONTENT_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

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
    const labelText = Object.entries(labels).map(([key, text]) => `${key}="${escapeText(text)}"`);
    const set = labelText.length === 0 ? '' : `{${labelText.join(',')}}`;
    const created = createdMs === undefined ? [] : [`${name}_created${set} ${createdMs / 1_000}`];
    return [`${name}${SUFFIX[type]}${set} ${value}`, ...created];
  };

function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
