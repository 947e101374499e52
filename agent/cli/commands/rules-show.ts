/** `wattshed rules show`: the server's alert rules in the form that `rules apply` takes. */
import type { Api } from '../../api/api-client.ts';
import { API_OPTIONS, answered, openApi } from '../api-access.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { settingsFor } from '../settings.ts';

/** What the server adds to a rule. */
const ADDED = ['id', 'createdAt', 'changedAt', 'changedBy'];

export const rulesShowCommand: Command = {
  name: 'rules show',
  operands: [],
  summary: 'prints the alert rules as rules apply takes them',
  details: 'Needs a token of scope read in WATTSHED_TOKEN or --token-file.',
  options: { json: { type: 'boolean', about: 'as JSON, instead of YAML' }, ...API_OPTIONS },
  async run(io, options) {
    const { config } = settingsFor(io, options);
    const alertRules = await answered(readRules(await openApi(io, options, config)));
    if (options.json === true) io.out(`${JSON.stringify({ alertRules }, null, 2)}\n`);
    else {
      const { stringify } = await import('yaml');
      io.out(stringify({ alertRules }, { lineWidth: 0 }));
    }
    return EXIT.ok;
  },
};

async function readRules(api: Api): Promise<object[]> {
  const rules: object[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.get('/v1/alert-rules', { cursor });
    rules.push(...(Array.isArray(page.alertRules) ? page.alertRules : []));
    cursor = typeof page.nextCursor === 'string' ? page.nextCursor : undefined;
  } while (cursor !== undefined);
  return rules.map((rule) =>
    Object.fromEntries(Object.entries(rule).filter(([key]) => !ADDED.includes(key))),
  );
}
