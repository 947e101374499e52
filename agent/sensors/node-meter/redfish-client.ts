/** Reads Redfish resources: JSON over HTTP with Basic credentials, only ever from the controller that was configured. */
import { readFile } from 'node:fs/promises';
import { createHttpClient } from '../../http/http-client.ts';
import { errnoOf } from '../../inventory/read-text.ts';
import { AGENT_VERSION } from '../../version.ts';
import { type JsonObject, objectOf } from './redfish-power.ts';

const TIMEOUT_MS = 5_000;

export interface RedfishAccess {
  /** `https://bmc.example.org`, without a path. */
  readonly url: string;
  readonly user: string | null;
  /** A file that holds the password alone. */
  readonly passwordFile: string | null;
  readonly caFile: string | null;
  /** Takes any certificate: whoever is on the way then sees the password. */
  readonly insecure: boolean;
}

/** Why there is no answer, in one line, with the mend where there is one. */
export class RedfishError extends Error {
  readonly fix: string | null;
  constructor(message: string, fix: string | null = null) {
    super(message);
    this.fix = fix;
  }
}

export interface RedfishClient {
  /** @throws RedfishError */
  get(path: string): Promise<JsonObject>;
}

/** The controller is asked directly, past any proxy. The password is read anew each time, so that it can be changed. */
export function createRedfishClient(access: RedfishAccess): RedfishClient {
  const base = new URL(access.url);

  async function credentials(): Promise<Record<string, string>> {
    if (access.user === null) return {};
    const password = access.passwordFile === null ? '' : await readPassword(access.passwordFile);
    return { Authorization: `Basic ${Buffer.from(`${access.user}:${password}`).toString('base64')}` };
  }

  return {
    async get(path) {
      const target = new URL(path, base);
      if (target.origin !== base.origin)
        throw new RedfishError(`${base.host} refers to ${target.host}, which is not asked`);
      if (base.protocol === 'http:' && access.user !== null && !access.insecure)
        throw new RedfishError(
          'a password is not sent over http',
          'set "redfishUrl" to an https address, or "redfishInsecure" to true on a network that you trust',
        );
      const headers = { Accept: 'application/json', 'OData-Version': '4.0', ...(await credentials()) };
      const reply = await ask(access, target, headers);
      if (reply.status === 401 || reply.status === 403)
        throw new RedfishError(
          `${base.host} refuses the credentials (${reply.status})`,
          'set "redfishUser" and "redfishPasswordFile" to an account that may log in and read',
        );
      if (reply.status !== 200)
        throw new RedfishError(`${base.host} answers ${target.pathname} with ${reply.status}`);
      return parse(reply.body.toString('utf8'), `${base.host}${target.pathname}`);
    },
  };
}

async function ask(access: RedfishAccess, target: URL, headers: Record<string, string>) {
  try {
    const http = createHttpClient({
      agentVersion: AGENT_VERSION,
      environment: {},
      caFile: access.caFile,
      verifyCertificate: !access.insecure,
      timeoutMs: TIMEOUT_MS,
    });
    return await http.request({ method: 'GET', url: target.href, headers });
  } catch (error) {
    const message = (error as Error).message;
    const untrusted = /certificate|self-signed|altname/i.test(message);
    throw new RedfishError(
      message,
      untrusted
        ? 'set "redfishCaFile" to the authority (or the certificate itself) in PEM, or "redfishInsecure" to true on a network that you trust'
        : null,
    );
  }
}

async function readPassword(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw new RedfishError(
      `the password file ${file} cannot be read (${errnoOf(error)})`,
      'give the agent the right to read it, and nobody else',
    );
  }
}

function parse(text: string, place: string): JsonObject {
  try {
    const object = objectOf(JSON.parse(text));
    if (object !== null) return object;
  } catch {
    // Told below, as anything else that is no object.
  }
  throw new RedfishError(`${place} is not a JSON object`);
}
