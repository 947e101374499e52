/** `wattshed doctor`: everything that metering and reporting needs, and what mends it where it is missing. */
import { sensorOptions } from '../../config/sensor-options.ts';
import type { Check } from '../../doctor/check.ts';
import { identityCheck } from '../../doctor/identity-check.ts';
import { jobChecks } from '../../doctor/job-checks.ts';
import { sensorChecks } from '../../doctor/sensor-checks.ts';
import { serverChecks } from '../../doctor/server-checks.ts';
import { stateChecks } from '../../doctor/state-checks.ts';
import { createHttpClient } from '../../http/http-client.ts';
import type { OnceReport } from '../../sensors/once.ts';
import { beside } from '../../text-wrap.ts';
import { AGENT_VERSION } from '../../version.ts';
import type { Command, Io } from '../command.ts';
import { findCredentials } from '../credentials.ts';
import { EXIT } from '../exit-codes.ts';
import { readHost } from '../read-host.ts';
import { settingsFor } from '../settings.ts';

export const doctorCommand: Command = {
  name: 'doctor',
  operands: [],
  summary: 'checks all that metering needs, and says what mends it',
  details: 'Takes a few seconds. Exits with 0 where nothing needs a hand, else with 1.',
  options: { json: { type: 'boolean', about: 'as JSON, for programs' } },
  async run(io, options) {
    const { config, file } = settingsFor(io, options);
    const http = createHttpClient({
      agentVersion: AGENT_VERSION,
      environment: io.env,
      caFile: config.caFile,
      timeoutMs: 10_000,
    });
    const [once, server] = await Promise.all([
      readHost(config, io.env),
      serverChecks(http, await findCredentials(config, io.env), AGENT_VERSION, io.env),
    ]);
    const checks: Check[] = [
      ...sensorChecks(once),
      ...jobChecks(once),
      ...server,
      ...stateChecks(config.stateDir),
      await identityCheck(sensorOptions(config, io.env).paths, gpusOf(once)),
      {
        area: 'host',
        name: 'agent',
        result: 'ok',
        detail: `wattshed ${AGENT_VERSION} on Node ${process.versions.node}, settings from ${file ?? 'defaults and environment'}`,
      },
    ];
    const problems = checks.filter((check) => check.result === 'problem').length;
    io.out(
      options.json === true
        ? `${JSON.stringify({ problems, checks }, null, 2)}\n`
        : textOf(checks, problems, io),
    );
    return problems === 0 ? EXIT.ok : EXIT.failed;
  },
};

const gpusOf = ({ meters }: OnceReport): number =>
  new Set(meters.flatMap(({ meter }) => (meter.deviceType === 'gpu' ? [meter.deviceId] : []))).size;

const AREAS: readonly [Check['area'], string][] = [
  ['sensors', 'Sensors'],
  ['jobs', 'Jobs'],
  ['server', 'Server'],
  ['clock', 'Clock'],
  ['state', 'State'],
  ['host', 'Agent'],
];

const MARKS = {
  ok: { text: 'ok', colour: 32 },
  note: { text: '--', colour: 90 },
  problem: { text: '!!', colour: 31 },
} as const;

function textOf(checks: readonly Check[], problems: number, io: Pick<Io, 'isTerminal' | 'columns'>): string {
  const width = Math.max(...checks.map((check) => check.name.length));
  const paint = (text: string, colour: number) =>
    io.isTerminal ? `\u001b[${colour}m${text}\u001b[0m` : text;
  const lines: string[] = [];
  for (const [area, title] of AREAS) {
    lines.push(title);
    for (const check of checks.filter((one) => one.area === area)) {
      const mark = MARKS[check.result];
      const label = `  ${paint(mark.text, mark.colour)}  ${check.name.padEnd(width)}  `;
      lines.push(beside(label, width + 8, check.detail, io.columns));
      // Whole, to be copied.
      if (check.fix !== undefined) lines.push(`${' '.repeat(width + 8)}fix: ${check.fix}`);
    }
    lines.push('');
  }
  const end =
    problems === 0
      ? paint('Nothing needs a hand.', 32)
      : paint(`${problems} ${problems === 1 ? 'thing needs' : 'things need'} a hand.`, 31);
  return `${[...lines, end].join('\n')}\n`;
}
