/** `wattshed status`: how the running agent fares, from what it last wrote. */
import { counted } from '../../jobs/job-source.ts';
import { type AgentStatus, isWriterAlive, readStatus } from '../../run/status-file.ts';
import { table } from '../../text-table.ts';
import { beside } from '../../text-wrap.ts';
import type { Command } from '../command.ts';
import { requireCredentials } from '../credentials.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { settingsFor } from '../settings.ts';

export const statusCommand: Command = {
  name: 'status',
  operands: [],
  summary: 'shows how the agent on this host fares',
  details: 'Exits with 0 while an agent runs and its reports arrive, else with 1.',
  options: { json: { type: 'boolean', about: 'as JSON, for programs' } },
  async run(io, options) {
    const { config } = settingsFor(io, options);
    await requireCredentials(config, io.env);
    const status = readStatus(config.stateDir);
    if (status === null)
      throw new CliError(
        EXIT.failed,
        `no agent has run on ${config.stateDir}; wattshed run starts one, --state-dir names another place`,
      );
    const running = isWriterAlive(status);
    io.out(
      options.json === true
        ? `${JSON.stringify({ running, ...status }, null, 2)}\n`
        : textOf(status, running, io.columns),
    );
    const arrives = status.shipping.state === 'delivered' || status.shipping.state === 'waiting';
    return running && arrives ? EXIT.ok : EXIT.failed;
  },
};

function textOf(status: AgentStatus, running: boolean, columns: number | null): string {
  const { shipping, spool } = status;
  const absent = status.sensors.filter(({ state }) => state === 'absent').map(({ sensor }) => sensor);
  const lines: [string, string][] = [
    ['agent', `${running ? 'running' : 'not running'}, pid ${status.pid}, version ${status.agentVersion}`],
    ['since', `${at(status.startedAtMs)}, last heard ${at(status.updatedAtMs)}`],
    ['server', `${status.url}, node ${status.nodeId}`],
    [
      'reports',
      `${shipping.detail}; last delivered ${shipping.lastDeliveredAtMs === null ? 'never' : at(shipping.lastDeliveredAtMs)}`,
    ],
    [
      'waiting',
      `${counted(spool.spoolReports, 'report')}, ${spool.spoolBytes} bytes on disk${spool.error === null ? '' : `; ${spool.error}`}`,
    ],
    ['gaps', `${status.declaredGaps} declared`],
    ...status.sensors
      .filter(({ state }) => state !== 'absent')
      .map(({ sensor, state, detail }): [string, string] => [sensor, `${state}: ${detail}`]),
    ...(absent.length === 0
      ? []
      : [['not here', `${absent.join(', ')} (wattshed doctor says why)`] satisfies [string, string]]),
  ];
  const width = Math.max(...lines.map(([name]) => name.length)) + 2;
  const devices = status.devices.map((device) => [
    device.id,
    device.name,
    device.powerWatts === null ? '-' : `${device.powerWatts.toFixed(1)} W`,
  ]);
  const jobs = status.jobs.map((job) => [
    job.id,
    job.user ?? '-',
    job.project ?? '-',
    job.phase ?? '-',
    job.gpus === null ? 'not known' : String(job.gpus.length),
    job.cores === null ? '-' : String(job.cores),
    job.attribution ?? 'holds nothing metered',
  ]);
  return [
    ...lines.map(([name, value]) => beside(name.padEnd(width), width, value, columns)),
    '',
    devices.length === 0
      ? 'No device is metered; wattshed doctor says why.\n'
      : table(['DEVICE', 'NAME', 'POWER'], devices),
    ...(jobs.length === 0
      ? []
      : [table(['JOB', 'USER', 'PROJECT', 'PHASE', 'GPUS', 'CORES', 'ATTRIBUTION'], jobs)]),
  ].join('\n');
}

/** To the second. */
const at = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
