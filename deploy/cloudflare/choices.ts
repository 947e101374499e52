/**
 * What a first deployment has to know: whose limits hold, and whether there is an archive. Later ones need not ask: the plan is a
 * variable of the Worker, which stays, and a bucket that is there is bound.
 */
import { PLAN_LIMITS, PLANS } from '../../shared/pace/plans.ts';
import { retentionSettings } from '../../shared/settings/retention.ts';
import { CommandError } from '../command-error.ts';
import { ARCHIVE_ON_FREE, type DeployOptions } from './options.ts';

/** The answer to a question, as typed; null where the person left it out. */
export type Ask = (question: string) => Promise<string | null>;

type Choices = Pick<DeployOptions, 'plan' | 'archive'>;

interface Account {
  /** Whether the Worker is there. */
  readonly isDeployed: boolean;
  /** Whether the bucket of the archive is there. */
  readonly hasBucket: boolean;
  readonly bucketName: string;
}

/**
 * The options, and what a person answers to what they leave open. Nobody to ask: as where Enter is the answer.
 * @throws CommandError where an archive is wanted on the free plan
 */
export async function choose(
  options: Choices,
  account: Account,
  ask: Ask | null,
  say: (line: string) => void,
): Promise<Choices> {
  const isOpen = !account.isDeployed;
  const asked = isOpen && options.plan === null && ask !== null;
  const plan = asked ? await oneOf(PLAN_QUESTION, PLANS, 'paid', ask, say) : options.plan;
  if (plan === 'free' && options.archive) throw new CommandError(ARCHIVE_ON_FREE, 2);
  const unsaid = isOpen ? 'paid, since nobody said (--plan free where the account has it)' : 'as it was';
  say(`plan        ${plan ?? unsaid}`);
  if (options.archive || account.hasBucket || !isOpen || plan === 'free' || ask === null)
    return { plan, archive: options.archive };
  const answer = await oneOf(archiveQuestion(account.bucketName), ['yes', 'no'], 'no', ask, say);
  return { plan, archive: answer === 'yes' };
}

/** What follows from there being an archive, or none, in a line. */
export function archiveLine(
  { plan, archive }: Choices,
  { isDeployed, hasBucket, bucketName }: Account,
): string {
  if (hasBucket && plan === 'free') return `${bucketName} is there, but ${NO_CPU_FOR_IT}`;
  if (hasBucket) return `${bucketName} is there`;
  if (archive) return `${bucketName} made${plan === null ? ' (it takes the CPU of the paid plan)' : ''}`;
  if (plan === 'free') return 'none: old days are cut to what figures are made from';
  if (isDeployed && plan === null) return 'none (--archive makes one)';
  return `none: ${NOTHING_LEAVES} (--archive makes one)`;
}

const NO_CPU_FOR_IT =
  'a run of the free plan has no CPU to write to it: hardly anything will leave the database';
const NOTHING_LEAVES =
  'nothing ever leaves the database; at 0.5 MB for a node and day 100 nodes fill its 10 GB in 200 days';

const seriesDays = (plan: string) => retentionSettings({ RETENTION_PLAN: plan }).seriesDays;
const { requestsPerDay, bytesPerDatabase } = PLAN_LIMITS.free;

const PLAN_QUESTION = `
Which plan of Cloudflare Workers does the account have?
  free  ${requestsPerDay!.toLocaleString('en')} requests a day (216 nodes each 300 s), databases of ${bytesPerDatabase / 1e6} MB; power series stay ${seriesDays('free')} days, no archive
  paid  no limit of a day, databases of ${PLAN_LIMITS.paid.bytesPerDatabase / 1e9} GB; power series stay ${seriesDays('paid')} days in them, then in an archive`;

const archiveQuestion = (name: string) => `
Keep an archive in R2?
  yes  makes the bucket "${name}" (R2 must be switched on): old days go there, at a fiftieth of the price, and still answer
  no   ${NOTHING_LEAVES}; --archive makes one later`;

/** Asks until it is told one of the answers, or nothing: then it is `otherwise`. */
async function oneOf(
  question: string,
  answers: readonly string[],
  otherwise: string,
  ask: Ask,
  say: (line: string) => void,
): Promise<string> {
  say(question);
  for (;;) {
    const said = (await ask(`${answers.join(' or ')} (Enter: ${otherwise})`))?.toLowerCase() ?? otherwise;
    // `y` is `yes`; no two begin alike.
    const meant = answers.find((answer) => answer.startsWith(said));
    if (meant !== undefined) return meant;
  }
}
