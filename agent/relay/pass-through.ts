/** What the relay only passes on: enrolment, and the files that install an agent. Nothing of it is kept. */
import { type HttpClient, HttpError, type HttpReply } from '../http/http-client.ts';
import { problem, unavailable } from './reply.ts';

/** Characters of a URL's origin that mean nothing to a shell inside quotes; the script is run by one. */
const PLAIN_ORIGIN = /^https?:\/\/[a-z0-9.:[\]-]+$/i;
const SERVER_LINE = /^SERVER='[^'\n]*'$/m;
/** Hosts of a fleet that install at once each hold a file of a megabyte or two here. */
const MOST_AT_ONCE = 16;

export interface PassThrough {
  enroll(headers: Readonly<Record<string, string>>, body: Buffer): Promise<HttpReply>;
  /** @param origin of the relay, as the host that asks has it: the script fetches the rest from there */
  installScript(origin: string): Promise<HttpReply>;
  /** @param path checked by the caller */
  file(path: string): Promise<HttpReply>;
}

/** @param http takes replies as large as the agent's files */
export function createPassThrough(url: string, http: HttpClient): PassThrough {
  let running = 0;
  async function request(what: Parameters<HttpClient['request']>[0]): Promise<HttpReply> {
    if (running >= MOST_AT_ONCE) return unavailable('Many hosts install through this relay at the moment.');
    running++;
    try {
      return await http.request(what);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      return unavailable(`The relay does not reach the server: ${error.message}.`);
    } finally {
      running--;
    }
  }
  return {
    enroll: (headers, body) => request({ method: 'POST', url: `${url}/v1/enroll`, headers, body }),
    file: (path) => request({ method: 'GET', url: `${url}${path}` }),
    async installScript(origin) {
      const reply = await request({ method: 'GET', url: `${url}/install.sh` });
      if (reply.status !== 200) return reply;
      const script = reply.body.toString('utf8');
      if (!PLAIN_ORIGIN.test(origin) || !SERVER_LINE.test(script))
        return problem(502, 'internal_error', 'What the server sent is no install.sh that can be led here.');
      return { ...reply, body: Buffer.from(script.replace(SERVER_LINE, `SERVER='${origin}'`)) };
    },
  };
}
