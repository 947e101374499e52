/** The command line of `npm start`. */
import { parseArgs } from 'node:util';
import { PROVIDER_KEY_NAMES } from '../../shared/grid/provider-keys.ts';
import { CommandError } from '../command-error.ts';
import { shardCount } from '../shard-count.ts';

export interface StartOptions {
  readonly port: number;
  readonly dataFolder: string;
  /** Null where not given: the zone of a site that exists stays as it is, a new one gets `WORLD`. */
  readonly gridZone: string | null;
  readonly listenAddress: string;
  readonly demo: boolean;
  readonly agent: boolean;
  /** Databases that the nodes are spread over; null: those of the data folder, at first one. */
  readonly shards: number | null;
}

export const HELP = `npm start -- [options]   runs Wattshed on this machine: Worker, database, page and an agent

  --port N        port to listen on (default 8787; 0 takes a free one)
  --listen ADDR   address to listen on (default 127.0.0.1; put a TLS proxy before anything else)
  --data DIR      where the database, the agent's state and the admin token live (default .wattshed)
  --zone KEY      grid zone of this host, such as DE, DK-DK1 or US-CAL-CISO (default WORLD, a yearly average)
  --shards N      databases that nodes are spread over, as in large deployments (default: those that are there)
  --demo          adds 12 simulated nodes with 30 days of history, marked as simulated everywhere
  --no-agent      starts no agent for this host
  --help          shows this

Ctrl-C stops everything. Keys for grid providers are taken from the environment:
${PROVIDER_KEY_NAMES.join(', ')} (docs/grid.md says what each adds).`;

/** Returns `help` where that was asked for; throws `CommandError` (exit code 2) on anything it does not know. */
export function parseOptions(argv: readonly string[]): StartOptions | 'help' {
  const values = parse(argv);
  if (values.help) return 'help';
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port > 65_535) {
    throw new CommandError(`--port must be a number from 0 to 65535, got "${values.port}"`, 2);
  }
  return {
    port,
    dataFolder: values.data,
    gridZone: values.zone ?? null,
    listenAddress: values.listen,
    demo: values.demo,
    agent: !values['no-agent'],
    shards: shardCount(values.shards),
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        port: { type: 'string', default: '8787' },
        listen: { type: 'string', default: '127.0.0.1' },
        data: { type: 'string', default: '.wattshed' },
        zone: { type: 'string' },
        shards: { type: 'string' },
        demo: { type: 'boolean', default: false },
        'no-agent': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    const [firstSentence] = (error as Error).message.split('. ');
    throw new CommandError(`${firstSentence} (npm start -- --help lists the options)`, 2);
  }
}
