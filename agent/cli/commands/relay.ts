/** `wattshed relay`: a way out for the reports of nodes that have none. */
import { readFileSync } from 'node:fs';
import { parseListen } from '../../config/parsers.ts';
import { relayDirectory, runRelay } from '../../relay/run-relay.ts';
import type { Command, OptionValues } from '../command.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { showRelayStatus } from '../relay-status-text.ts';
import { checkedUrl } from '../server-url.ts';
import { settingsFor } from '../settings.ts';

const DEFAULT_LISTEN = '0.0.0.0:8788';
const DEFAULT_METRICS_LISTEN = '127.0.0.1:9788';
const DEFAULT_MAX_NODES = 1_000;
const DEFAULT_MAX_GIBIBYTES = 8;

export const relayCommand: Command = {
  name: 'relay',
  operands: [],
  summary: 'passes reports on for nodes that cannot reach the server',
  details: [
    'Runs on a host that both sides reach, such as a login node; nodes take its',
    'address for the server. It has no token of its own: each report goes out under',
    "its node's token. While the server does not answer it keeps the reports on disk,",
    'acknowledges them, and sends them later. --status shows how a running one fares.',
  ].join('\n'),
  options: {
    url: { type: 'string', value: 'URL', about: 'the server, such as https://wattshed.example.org' },
    listen: { type: 'string', value: 'ADDR:PORT', about: `for nodes, by default ${DEFAULT_LISTEN}` },
    'tls-cert': { type: 'string', value: 'FILE', about: 'PEM; nodes then use https' },
    'tls-key': { type: 'string', value: 'FILE', about: 'PEM' },
    metrics: {
      type: 'string',
      value: 'ADDR:PORT',
      about: `its own metrics, by default ${DEFAULT_METRICS_LISTEN}, or off`,
    },
    'max-nodes': { type: 'string', value: 'N', about: `by default ${DEFAULT_MAX_NODES}` },
    'max-gibibytes': {
      type: 'string',
      value: 'N',
      about: `of all backlogs on disk, by default ${DEFAULT_MAX_GIBIBYTES}; 64 MiB for one node`,
    },
    status: { type: 'boolean', about: 'how the running relay fares; exits with 1 where it needs a hand' },
    json: { type: 'boolean', about: 'with --status: as JSON' },
  },
  async run(io, options) {
    const { config } = settingsFor(io, options);
    if (options.status === true) return showRelayStatus(io, relayDirectory(config), options.json === true);
    const given = (options.url as string | undefined) ?? config.url;
    if (given === null) throw new CliError(EXIT.usage, 'wattshed relay needs --url URL');
    const listen = place(options, 'listen', DEFAULT_LISTEN);
    if (listen === null) throw new CliError(EXIT.usage, '--listen must be an address and a port');
    const tls = tlsFiles(options);
    const log = (line: string) => io.err(`wattshed: ${line}\n`);
    if (tls === null && !isLoopback(listen.host))
      log('without --tls-cert tokens travel in the clear between the nodes and this relay');
    try {
      await runRelay({
        config,
        url: checkedUrl(given),
        listen,
        tls,
        metricsListen: place(options, 'metrics', DEFAULT_METRICS_LISTEN),
        maxNodes: count(options, 'max-nodes', DEFAULT_MAX_NODES, 100_000),
        maxBytes: count(options, 'max-gibibytes', DEFAULT_MAX_GIBIBYTES, 10_000) * 2 ** 30,
        env: io.env,
        signal: io.signal,
        log,
      });
    } catch (error) {
      const { code, syscall } = error as NodeJS.ErrnoException;
      if (syscall !== 'listen') throw error;
      throw new CliError(
        EXIT.failed,
        `cannot listen on ${listen.host}:${listen.port} (${code}): give another --listen`,
      );
    }
    return EXIT.ok;
  },
};

function place(options: OptionValues, name: string, fallback: string) {
  try {
    return parseListen(options[name] ?? fallback);
  } catch (error) {
    throw new CliError(EXIT.usage, `--${name} ${(error as Error).message}`);
  }
}

function count(options: OptionValues, name: string, fallback: number, most: number): number {
  const value = Number(options[name] ?? fallback);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new CliError(EXIT.usage, `--${name} must be a whole number from 1 to ${most}`);
}

function tlsFiles(options: OptionValues) {
  const { 'tls-cert': cert, 'tls-key': key } = options;
  if (cert === undefined && key === undefined) return null;
  if (typeof cert !== 'string' || typeof key !== 'string')
    throw new CliError(EXIT.usage, '--tls-cert and --tls-key go together');
  return { cert: fileOf('--tls-cert', cert), key: fileOf('--tls-key', key) };
}

function fileOf(option: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CliError(
      EXIT.usage,
      `${option} ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`,
    );
  }
}

const isLoopback = (host: string) => host === 'localhost' || host === '::1' || host.startsWith('127.');
