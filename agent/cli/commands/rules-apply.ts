/** `wattshed rules apply FILE`: makes the server's alert rules what a file under version control says. */
import { ApiError } from '../../api/api-client.ts';
import { planText, readPlan } from '../../rules/plan-text.ts';
import { previewText } from '../../rules/preview-text.ts';
import { type RulesFile, RulesFileError, readRulesFile } from '../../rules/rules-file.ts';
import { API_OPTIONS, answered, openApi } from '../api-access.ts';
import type { Command } from '../command.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { settingsFor } from '../settings.ts';

export const rulesApplyCommand: Command = {
  name: 'rules apply',
  operands: ['FILE'],
  summary: 'makes the alert rules what FILE says',
  details: [
    'FILE is YAML or JSON: a list of rules under the key alertRules, as in the body',
    'of PUT /v1/alert-rules. Rules are known by their names; those that FILE does not',
    'name are removed. All of it or nothing. Needs a token of scope admin in',
    'WATTSHED_TOKEN or --token-file.',
  ].join('\n'),
  options: {
    'dry-run': { type: 'boolean', about: 'shows what would change and have fired, changes nothing' },
    json: { type: 'boolean', about: "the server's answer as JSON" },
    ...API_OPTIONS,
  },
  async run(io, options, [path]) {
    const { config } = settingsFor(io, options);
    const file = await readFile(path!);
    const api = await openApi(io, options, config, 'admin');
    const dryRun = options['dry-run'] === true ? 'true' : undefined;
    const applied = api
      .put('/v1/alert-rules', { alertRules: file.rules }, { dryRun })
      .catch((error: unknown) => {
        throw error instanceof ApiError ? (errorInFile(error, path!, file) ?? error) : error;
      });
    const answer = await answered(applied);
    const plan = await answered((async () => readPlan(answer))());
    io.out(
      options.json === true ? `${JSON.stringify(answer, null, 2)}\n` : planText(plan) + previewText(answer),
    );
    return EXIT.ok;
  },
};

async function readFile(path: string): Promise<RulesFile> {
  try {
    return await readRulesFile(path);
  } catch (error) {
    throw error instanceof RulesFileError ? new CliError(EXIT.usage, error.message) : error;
  }
}

/** What the server says of the body, said of the file; null where it says nothing of it. */
function errorInFile({ field, message }: ApiError, path: string, file: RulesFile): CliError | null {
  const [, index, rest = ''] = /^\/alertRules\/(\d+)(?:\/(.*))?$/.exec(field ?? '') ?? [];
  if (field === null || index === undefined) return null;
  const name = (file.rules[Number(index)] as { name?: unknown } | null)?.name;
  const rule = typeof name === 'string' ? `rule "${name}"` : `rule ${Number(index) + 1}`;
  const what = message.replace(`${field}: `, '');
  const place = rest === '' ? '' : `, ${rest.replaceAll('/', '.')}`;
  return new CliError(EXIT.usage, `${path}, line ${file.lineOf(field)}: ${rule}${place}: ${what}`);
}
