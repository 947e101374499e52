/** What the commands that ask the server need: where it is, and with which token. */
import { readFileSync } from 'node:fs';
import { parseToken } from '../../shared/auth/token-format.ts';
import { type Api, ApiError, createApi } from '../api/api-client.ts';
import type { Config } from '../config/keys.ts';
import { createHttpClient, HttpError } from '../http/http-client.ts';
import { AGENT_VERSION } from '../version.ts';
import type { Io, Option, OptionValues } from './command.ts';
import { findCredentials } from './credentials.ts';
import { CliError, EXIT } from './exit-codes.ts';
import { checkedUrl } from './server-url.ts';

/** A month of 5-minute intensities is some 2 MiB. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024;

/** Options of every command that asks the server. */
export const API_OPTIONS: { readonly [name: string]: Option } = {
  url: { type: 'string', value: 'URL', about: 'the server, instead of the configured one' },
  'token-file': {
    type: 'string',
    value: 'FILE',
    about: 'a file that holds a token, instead of WATTSHED_TOKEN',
  },
};

/**
 * A token that somebody gave (`--token-file`, `WATTSHED_TOKEN`, the setting `tokenFile`, in this order), else the host's
 * own. Never from the command line: every user could read it there.
 *
 * @param scope what the command needs, to say so
 * @throws CliError with exit code `usage` or `notEnrolled`
 */
export async function openApi(
  io: Io,
  options: OptionValues,
  config: Config,
  scope: 'read' | 'admin' = 'read',
): Promise<Api> {
  const given = givenToken(io, options, config);
  const url = typeof options.url === 'string' ? checkedUrl(options.url) : config.url;
  const own = given !== null && url !== null ? null : await findCredentials(config, io.env);
  const token = given ?? own?.token ?? null;
  if (token === null) {
    throw new CliError(
      EXIT.notEnrolled,
      `no token: put one of scope ${scope} into WATTSHED_TOKEN or into a file that --token-file or the setting tokenFile names`,
    );
  }
  const server = url ?? own?.url ?? null;
  if (server === null)
    throw new CliError(EXIT.usage, 'which server? --url, WATTSHED_URL or the setting url names it');
  const http = createHttpClient({
    agentVersion: AGENT_VERSION,
    environment: io.env,
    caFile: config.caFile,
    maxReplyBytes: MAX_REPLY_BYTES,
  });
  return createApi(http, server, token);
}

/** What `openApi` gave, used once: its errors as ends with an exit code. */
export async function answered<T>(question: Promise<T>): Promise<T> {
  try {
    return await question;
  } catch (error) {
    throw cliErrorOf(error) ?? error;
  }
}

const EXIT_OF_FAULT = { token: EXIT.notEnrolled, question: EXIT.usage, server: EXIT.unreachable } as const;

/** Null for what is no answer of a server, nor the lack of one. */
export function cliErrorOf(error: unknown): CliError | null {
  if (error instanceof HttpError) return new CliError(EXIT.unreachable, error.message);
  if (error instanceof ApiError) return new CliError(EXIT_OF_FAULT[error.fault], error.message);
  return null;
}

function givenToken(io: Io, options: OptionValues, config: Config): string | null {
  const file = options['token-file'] ?? (io.env.WATTSHED_TOKEN ? undefined : (config.tokenFile ?? undefined));
  const place = typeof file === 'string' ? file : 'WATTSHED_TOKEN';
  const token = typeof file === 'string' ? tokenIn(file) : io.env.WATTSHED_TOKEN?.trim();
  if (!token) return null;
  if (parseToken(token) === null)
    throw new CliError(EXIT.usage, `the token in ${place} is incomplete or mistyped: copy all of it again`);
  return token;
}

function tokenIn(file: string): string {
  let token: string;
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(EXIT.usage, `the token file ${file} cannot be read (${code})`);
  }
  if (token === '') throw new CliError(EXIT.usage, `the token file ${file} is empty`);
  return token;
}
