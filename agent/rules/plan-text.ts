/** What `PUT /v1/alert-rules` changes, or would, for people. */
import { ApiError } from '../api/api-client.ts';

export interface RulesPlan {
  readonly dryRun: boolean;
  /** Names of rules. */
  readonly created: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly unchanged: readonly string[];
}

/** @throws ApiError */
export function readPlan(answer: Readonly<Record<string, unknown>>): RulesPlan {
  const lists = [answer.created, answer.changed, answer.removed, answer.unchanged];
  if (lists.every((list) => Array.isArray(list))) return answer as unknown as RulesPlan;
  throw new ApiError('server', 'the server answers something else than a plan of rules');
}

export function planText({ dryRun, created, changed, removed, unchanged }: RulesPlan): string {
  const lines = [
    ...created.map((name) => `+ ${name}`),
    ...changed.map((name) => `~ ${name}`),
    ...removed.map((name) => `- ${name}`),
  ];
  const count = (names: readonly string[], what: string) => `${names.length} ${what}`;
  const sum = [
    count(created, dryRun ? 'to create' : 'created'),
    count(changed, dryRun ? 'to change' : 'changed'),
    count(removed, dryRun ? 'to remove' : 'removed'),
    count(unchanged, 'as they are'),
  ].join(', ');
  const end = dryRun ? 'Nothing was changed: this was a dry run.' : '';
  return `${[...lines, ...(lines.length > 0 ? [''] : []), `${sum}.`, ...(end === '' ? [] : [end])].join('\n')}\n`;
}
