/**
 * What the agent needs of HTTP: one request, one bounded reply, through the proxy and with the CA that the site asks
 * for. `node:https` and not `fetch`, which costs 13 to 20 MiB. Redirects are never followed; the caller sees them.
 */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { isIP } from 'node:net';
import tls from 'node:tls';
import { type Environment, proxyAuthorization, proxyFor } from './proxy.ts';
import { openTunnel } from './tunnel.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export interface HttpReply {
  readonly status: number;
  /** Names in lower case; repeated ones joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface HttpClient {
  /** Throws an `HttpError` when no complete reply came; any status is a reply. */
  request(request: HttpRequest): Promise<HttpReply>;
}

/** No complete reply: unreachable, refused, wrong certificate, too slow, too large. The message is one line for people. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
}

export interface HttpClientOptions {
  readonly agentVersion: string;
  /** Proxy variables and `NODE_EXTRA_CA_CERTS`. */
  readonly environment: Environment;
  /** PEM file of authorities to trust beside Node's own. */
  readonly caFile?: string | null;
  /** Default true. Without, whoever is on the way can answer and read along. */
  readonly verifyCertificate?: boolean;
  /** From the first byte sent to the last one received. Default 30 s. */
  readonly timeoutMs?: number;
  /** Connections to one server at a time. Default 1: an agent has one request in flight. */
  readonly maxConnections?: number;
  /** Default 1 MiB: the server's replies are short, anything longer is not the server. */
  readonly maxReplyBytes?: number;
}

type TrustOptions = Pick<tls.ConnectionOptions, 'secureContext' | 'rejectUnauthorized'>;

interface Connection {
  readonly via: typeof http | typeof https;
  readonly options: http.RequestOptions & TrustOptions;
  readonly headers?: Record<string, string>;
}

/** Throws when a CA file cannot be read. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { environment, timeoutMs = 30_000, maxReplyBytes = 1024 * 1024 } = options;
  const pool = { keepAlive: true, maxSockets: options.maxConnections ?? 1 };
  const secureContext = trustedContext(options.caFile || null, environment.NODE_EXTRA_CA_CERTS || null);
  const tlsOptions = {
    ...(secureContext !== null && { secureContext }),
    rejectUnauthorized: options.verifyCertificate ?? true,
  };
  // One connection stays open between reports: a new TLS handshake each minute would be a third of what is sent.
  const keptAlive = {
    http: new http.Agent(pool),
    https: new https.Agent({ ...pool, ...tlsOptions }),
  };

  async function connect(target: URL, signal: AbortSignal): Promise<Connection> {
    const isSecure = target.protocol === 'https:';
    const direct = isSecure ? https : http;
    const proxy = proxyFor(target, environment);
    if (proxy === null)
      return { via: direct, options: { agent: isSecure ? keptAlive.https : keptAlive.http } };
    if (target.protocol === 'http:') {
      const options = {
        ...tlsOptions,
        agent: false,
        protocol: proxy.protocol,
        hostname: bareHost(proxy),
        port: proxy.port,
        path: target.href,
      };
      return {
        via: proxy.protocol === 'https:' ? https : http,
        options,
        headers: proxyAuthorization(proxy),
      };
    }
    const socket = await openTunnel(proxy, target, { signal, tlsOptions });
    const servername = isIP(bareHost(target)) === 0 ? bareHost(target) : '';
    const options = {
      createConnection: () => tls.connect({ ...tlsOptions, socket, servername, host: bareHost(target) }),
    };
    return { via: direct, options };
  }

  async function send({ method, url, headers, body }: HttpRequest, signal: AbortSignal): Promise<HttpReply> {
    const target = new URL(url);
    const connection = await connect(target, signal);
    const request = connection.via.request(target, {
      ...connection.options,
      method,
      signal,
      headers: {
        'User-Agent': `wattshed/${options.agentVersion}`,
        Host: target.host,
        ...(body === undefined ? {} : { 'Content-Length': String(body.length) }),
        ...connection.headers,
        ...headers,
      },
    });
    try {
      return await exchange(request, body, maxReplyBytes);
    } catch (error) {
      throw request.reusedSocket && isClosedByPeer(error) ? new StaleConnection() : error;
    }
  }

  return {
    async request(request) {
      const { host } = new URL(request.url);
      const signal = AbortSignal.timeout(timeoutMs);
      try {
        return await send(request, signal).catch((error: unknown) => {
          if (error instanceof StaleConnection) return send(request, signal);
          throw error;
        });
      } catch (error) {
        throw signal.aborted
          ? new HttpError(`${host} gave no complete reply within ${timeoutMs / 1000} s`)
          : new HttpError(`${host}: ${reasonOf(error)}`);
      }
    },
  };
}

/** The server closed the kept connection just as it was used again. What the agent sends may be sent twice. */
class StaleConnection extends Error {}

const isClosedByPeer = (error: unknown) =>
  ['ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '');

function exchange(
  request: http.ClientRequest,
  body: Uint8Array | undefined,
  maxReplyBytes: number,
): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let received = 0;
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        received += chunk.length;
        chunks.push(chunk);
        if (received <= maxReplyBytes) return;
        reject(new Error(`the reply is longer than ${maxReplyBytes} bytes`));
        request.destroy();
      });
      response.on('end', () => {
        const pairs = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(pairs) as Record<string, string>,
          body: Buffer.concat(chunks),
        });
      });
    });
    request.end(body);
  });
}

/** Node's own roots and the site's; null where the site names none and Node's defaults hold. */
function trustedContext(...caFiles: (string | null)[]): tls.SecureContext | null {
  const paths = caFiles.filter((path) => path !== null);
  if (paths.length === 0) return null;
  const own = paths.map((path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw new Error(`the CA file ${path} cannot be read: ${reasonOf(error)}`);
    }
  });
  return tls.createSecureContext({ ca: [...tls.rootCertificates, ...own] });
}

/** Without the brackets of an IPv6 address. */
function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
