/** The command line of `npm run deploy`. */
import { parseArgs } from 'node:util';
import { PROVIDER_KEY_NAMES } from '../../shared/grid/provider-keys.ts';
import { LEAST_REPORT_EVERY_SECONDS, MOST_REPORT_EVERY_SECONDS } from '../../shared/pace/interval.ts';
import { PLANS } from '../../shared/pace/plans.ts';
import { CommandError } from '../command-error.ts';
import { shardCount } from '../shard-count.ts';

export interface DeployOptions {
  /** Of the Worker and of its database: one account may hold several. */
  readonly name: string;
  /** Only shows what would be done, and builds what would be sent. */
  readonly dryRun: boolean;
  /** Asks nothing: what is not given is left as it is. */
  readonly yes: boolean;
  /** Where the admin token of this deployment is kept. */
  readonly folder: string;
  /** Of a new database; null leaves it to Cloudflare. */
  readonly location: string | null;
  readonly jurisdiction: string | null;
  /** Null leaves the server's default. */
  readonly reportEverySeconds: number | null;
  /** Makes the bucket of the archive; one that is there is used in any case. Not given: asked at first. */
  readonly archive: boolean;
  /** Databases that the nodes are spread over; null: those that are there, at first one. */
  readonly shards: number | null;
  /** Whose limits and spans of keeping hold; null leaves it as it is, at first as a person answers, else `paid`. */
  readonly plan: string | null;
}

export const HELP = `npm run deploy -- [options]   puts Wattshed on your Cloudflare account, or upgrades it there

  --dry-run         needs no account: says what would be done, builds and checks what would be sent
  --name NAME       of the Worker and its database (default wattshed)
  --report-every S  seconds between the reports of an agent, ${LEAST_REPORT_EVERY_SECONDS} to ${MOST_REPORT_EVERY_SECONDS}: most of the bill (docs/operate.md)
  --shards N        databases for the nodes, of which one holds some 1,400 for two years: makes those that are missing,
                    never takes one away (docs/operate.md)
  --plan PLAN       free or paid: how long what is kept, how often nodes may report (docs/operate.md); kept until it is given anew
  --archive         makes an R2 bucket NAME-archive, where old days go (docs/archive.md): for the paid plan, with which nothing
                    leaves the database without one
  --location HINT   where a new database lies: weur, eeur, wnam, enam, apac, oc
  --jurisdiction J  binds a new database to eu or fedramp
  --data DIR        where its admin token is kept (default .wattshed/cloudflare/NAME)
  --yes             asks no questions
  --help            shows this

Log in before: npx wrangler login, or CLOUDFLARE_API_TOKEN in the environment. Running it again changes only what differs.
At the first deployment it asks for the plan and an archive where they are not given; without a terminal, or with --yes, it takes
the paid plan and none. Keys for grid providers are taken from the environment, or asked for:
${PROVIDER_KEY_NAMES.join(', ')} (docs/grid.md says what each adds).`;

export const ARCHIVE_ON_FREE = `--archive takes the paid plan: a turn that writes to the archive takes 200 ms of CPU and more, and the free plan ends a run
after 10, so that nothing would leave the database until it is full. Leave --archive out: old days are then cut to what figures
are made from. Or --plan paid.`;

const LOCATIONS = ['weur', 'eeur', 'wnam', 'enam', 'apac', 'oc'];
const JURISDICTIONS = ['eu', 'fedramp'];

/** Returns `help` where that was asked for; throws `CommandError` (exit code 2) on anything it does not know. */
export function parseOptions(argv: readonly string[]): DeployOptions | 'help' {
  const values = parse(argv);
  if (values.help) return 'help';
  const { name } = values;
  if (!/^[a-z][a-z0-9-]{0,49}$/.test(name)) {
    throw usage(`--name must be up to 50 small letters, digits and dashes, got "${name}"`);
  }
  const plan = oneOf('--plan', values.plan, PLANS);
  if (plan === 'free' && values.archive) throw usage(ARCHIVE_ON_FREE);
  return {
    name,
    dryRun: values['dry-run'],
    yes: values.yes,
    folder: values.data ?? `.wattshed/cloudflare/${name}`,
    location: oneOf('--location', values.location, LOCATIONS),
    jurisdiction: oneOf('--jurisdiction', values.jurisdiction, JURISDICTIONS),
    reportEverySeconds: reportEvery(values['report-every']),
    archive: values.archive,
    shards: shardCount(values.shards),
    plan,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        name: { type: 'string', default: 'wattshed' },
        data: { type: 'string' },
        location: { type: 'string' },
        jurisdiction: { type: 'string' },
        'report-every': { type: 'string' },
        archive: { type: 'boolean', default: false },
        shards: { type: 'string' },
        plan: { type: 'string' },
        'dry-run': { type: 'boolean', default: false },
        yes: { type: 'boolean', short: 'y', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    const [firstSentence] = (error as Error).message.split('. ');
    throw usage(`${firstSentence} (npm run deploy -- --help lists the options)`);
  }
}

function oneOf(option: string, value: string | undefined, allowed: readonly string[]): string | null {
  if (value === undefined) return null;
  if (!allowed.includes(value)) throw usage(`${option} must be one of ${allowed.join(', ')}, got "${value}"`);
  return value;
}

function reportEvery(text: string | undefined): number | null {
  if (text === undefined) return null;
  const seconds = Number(text);
  const [least, most] = [LEAST_REPORT_EVERY_SECONDS, MOST_REPORT_EVERY_SECONDS];
  if (!Number.isInteger(seconds) || seconds < least || seconds > most) {
    throw usage(`--report-every must be a whole number of seconds from ${least} to ${most}, got "${text}"`);
  }
  return seconds;
}

const usage = (message: string) => new CommandError(message, 2);
