/** What a dry run of `PUT /v1/alert-rules` says of the past, for people. */

interface PastAlert {
  readonly gridZone: string | null;
  readonly startedAt: string;
  readonly endedAt: string | null;
}

interface Preview {
  readonly from: string;
  readonly to: string;
  readonly rules: readonly {
    readonly name: string;
    readonly alerts: number | null;
    readonly newest: readonly PastAlert[];
  }[];
}

/** Empty where the answer has no preview. */
export function previewText({ preview }: Readonly<Record<string, unknown>>): string {
  if (typeof preview !== 'object' || preview === null) return '';
  const { from, to, rules } = preview as Preview;
  const lines = rules.map(
    ({ name, alerts, newest }) =>
      `  ${name}: ${alerts === null ? 'the past does not tell' : times(alerts, newest[0])}`,
  );
  return ['', `From ${minute(from)} to ${minute(to)} UTC it would have fired:`, ...lines, ''].join('\n');
}

function times(alerts: number, last: PastAlert | undefined): string {
  if (last === undefined) return 'never';
  const until = last.endedAt === null ? 'still at the end' : `to ${minute(last.endedAt)} UTC`;
  const where = last.gridZone === null ? '' : ` in ${last.gridZone}`;
  return `${alerts === 1 ? 'once' : `${alerts} times`}, last from ${minute(last.startedAt)} ${until}${where}`;
}

/** `2026-01-31 12:05` */
const minute = (instant: string) => instant.slice(0, 16).replace('T', ' ');
