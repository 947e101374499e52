/** `wattshed relay --status`: how the running relay fares, from what it last wrote. */
import { type RelayStatus, troubleOf } from '../relay/relay-status.ts';
import { isWriterAlive, readStatusFile } from '../run/status-file.ts';
import { table } from '../text-table.ts';
import type { Io } from './command.ts';
import { CliError, EXIT, type ExitCode } from './exit-codes.ts';

/** Of the text; --json has all. */
const MAX_ROWS = 20;

/** `failed` where no relay runs, the server does not answer, or something needs a hand. */
export function showRelayStatus(io: Io, directory: string, asJson: boolean): ExitCode {
  const status = readStatusFile<RelayStatus>(directory);
  if (status === null)
    throw new CliError(EXIT.failed, `no relay has run on ${directory}; --state-dir names another place`);
  const running = isWriterAlive(status);
  io.out(asJson ? `${JSON.stringify({ running, ...status }, null, 2)}\n` : textOf(status, running));
  const needsHand = status.backlogs.some((backlog) => troubleOf(backlog).length > 0);
  return running && status.upstream.answers !== false && !needsHand ? EXIT.ok : EXIT.failed;
}

function textOf(status: RelayStatus, running: boolean): string {
  const { upstream, requests, backlogs } = status;
  const at = (ms: number | null) => (ms === null ? 'never' : new Date(ms).toISOString());
  const waiting = backlogs.filter(({ reports }) => reports > 0);
  const lines = [
    [
      'relay',
      `${running ? 'running' : 'not running'}, pid ${status.pid}, version ${status.agentVersion}, for nodes at ${status.url}`,
    ],
    ['since', `${at(status.startedAtMs)}, last heard ${at(status.updatedAtMs)}`],
    ['server', `${status.upstreamUrl}: ${upstream.detail}; last answer ${at(upstream.lastAnswerAtMs)}`],
    ['nodes', `${status.nodesAccepted} known to the server, ${waiting.length} with a backlog`],
    [
      'requests',
      `${requests.passedOn} passed on, ${requests.kept} kept, ${requests.leftWithNode} left with their nodes`,
    ],
  ];
  const shown = backlogs
    .map((backlog) => ({ ...backlog, trouble: troubleOf(backlog).join('; ') }))
    .filter(({ reports, trouble }) => reports > 0 || trouble !== '')
    .sort((a, b) => Number(b.trouble !== '') - Number(a.trouble !== '') || b.reports - a.reports);
  const rows = shown
    .slice(0, MAX_ROWS)
    .map(({ nodeId, reports, bytes, oldestWindowStartMs, trouble, shipping }) => [
      nodeId,
      String(reports),
      `${(bytes / 2 ** 20).toFixed(1)} MiB`,
      oldestWindowStartMs === null ? '-' : at(oldestWindowStartMs),
      trouble || shipping?.detail || '-',
    ]);
  const more = shown.length - rows.length;
  return [
    ...lines.map(([name = '', value = '']) => `${name.padEnd(10)}${value}`),
    '',
    rows.length === 0
      ? 'Nothing waits.\n'
      : table(['NODE', 'REPORTS', 'DISK', 'OLDEST WINDOW', 'STATE'], rows),
    ...(more > 0 ? [`and ${more} more; --json has them all\n`] : []),
  ].join('\n');
}
