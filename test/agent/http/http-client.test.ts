import { afterEach, describe, expect, it } from 'vitest';
import { createHttpClient, HttpError } from '../../../agent/http/http-client.ts';
import { CA_FILE, startProxy, startServer, type TestServer } from './support.ts';

const running: TestServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
});
async function started(server: Promise<TestServer>): Promise<TestServer> {
  running.push(await server);
  return server;
}

const plain = createHttpClient({ agentVersion: '1.2.3', environment: {} });
const echo = () => startServer((seen, response) => response.writeHead(200, { 'X-Own': 'a' }).end(seen.body));

describe('a request', () => {
  it('carries its body, headers and who asks', async () => {
    const server = await started(echo());
    const reply = await plain.request({
      method: 'POST',
      url: `http://127.0.0.1:${server.port}/v1/ingest`,
      headers: { Authorization: 'Bearer x' },
      body: Buffer.from('hello'),
    });
    expect(reply).toMatchObject({ status: 200, headers: { 'x-own': 'a' } });
    expect(reply.body.toString()).toBe('hello');
    expect(server.seen[0]).toMatchObject({
      method: 'POST',
      url: '/v1/ingest',
      headers: { 'user-agent': 'wattshed/1.2.3', authorization: 'Bearer x', 'content-length': '5' },
    });
  });

  it('never follows a redirect, which would carry the token elsewhere', async () => {
    const other = await started(echo());
    const server = await started(
      startServer((_, response) =>
        response.writeHead(308, { Location: `http://127.0.0.1:${other.port}/` }).end(),
      ),
    );
    const reply = await plain.request({ method: 'GET', url: `http://127.0.0.1:${server.port}/` });
    expect(reply.status).toBe(308);
    expect(reply.headers.location).toContain(String(other.port));
    expect(other.seen).toHaveLength(0);
  });

  it('gives up on a server that never answers, or never ends', async () => {
    const silent = await started(startServer(() => {}));
    const endless = await started(startServer((_, response) => response.writeHead(200).write('a')));
    const hasty = createHttpClient({ agentVersion: '1', environment: {}, timeoutMs: 60 });
    for (const server of [silent, endless]) {
      const url = `http://127.0.0.1:${server.port}/`;
      await expect(hasty.request({ method: 'GET', url })).rejects.toThrow(
        new HttpError(`127.0.0.1:${server.port} gave no complete reply within 0.06 s`),
      );
    }
  });

  it('refuses a reply beyond its bound', async () => {
    const server = await started(startServer((_, response) => response.end('x'.repeat(2_000))));
    const small = createHttpClient({ agentVersion: '1', environment: {}, maxReplyBytes: 1_000 });
    const url = `http://127.0.0.1:${server.port}/`;
    await expect(small.request({ method: 'GET', url })).rejects.toThrow('longer than 1000 bytes');
  });

  it('says who could not be reached', async () => {
    const server = await startServer(() => {});
    await server.stop();
    const url = `http://127.0.0.1:${server.port}/`;
    await expect(plain.request({ method: 'GET', url })).rejects.toThrow(
      `127.0.0.1:${server.port}: connect ECONNREFUSED`,
    );
  });

  it('is cut off with the connection', async () => {
    const server = await started(
      startServer((_, response) => {
        response.writeHead(200, { 'Content-Length': '100' }).write('a', () => response.destroy());
      }),
    );
    await expect(plain.request({ method: 'GET', url: `http://127.0.0.1:${server.port}/` })).rejects.toThrow(
      HttpError,
    );
  });
});

describe('a private authority', () => {
  it('is trusted from its file, and only with it', async () => {
    const server = await started(startServer((_, response) => response.end('ok'), { tls: true }));
    const url = `https://127.0.0.1:${server.port}/`;
    await expect(plain.request({ method: 'GET', url })).rejects.toThrow(/certificate/);
    const options = [
      { agentVersion: '1', environment: {}, caFile: CA_FILE },
      { agentVersion: '1', environment: { NODE_EXTRA_CA_CERTS: CA_FILE } },
    ];
    for (const each of options) {
      expect((await createHttpClient(each).request({ method: 'GET', url })).status).toBe(200);
    }
  });

  it('does not make a certificate for another name right', async () => {
    const server = await started(startServer((_, response) => response.end('ok'), { tls: true }));
    const proxy = await started(startProxy());
    const client = createHttpClient({
      agentVersion: '1',
      environment: { https_proxy: `http://127.0.0.1:${proxy.port}` },
      caFile: CA_FILE,
    });
    const url = `https://other.test:${server.port}/`;
    await expect(client.request({ method: 'GET', url })).rejects.toThrow(/altnames/);
  });

  it('that cannot be read is said at once', () => {
    expect(() => createHttpClient({ agentVersion: '1', environment: {}, caFile: '/nowhere/ca.pem' })).toThrow(
      'the CA file /nowhere/ca.pem cannot be read',
    );
  });
});

describe('a proxy', () => {
  it('is asked for a tunnel to an https host, with the user of its URL, and sees no request', async () => {
    const server = await started(startServer((seen, response) => response.end(seen.body), { tls: true }));
    const proxy = await started(startProxy());
    const client = createHttpClient({
      agentVersion: '1',
      environment: { HTTPS_PROXY: `http://me:p%40ss@127.0.0.1:${proxy.port}` },
      caFile: CA_FILE,
    });
    const reply = await client.request({
      method: 'POST',
      url: `https://server.test:${server.port}/v1/ingest`,
      headers: { Authorization: 'Bearer secret' },
      body: Buffer.from('body'),
    });
    expect(reply.body.toString()).toBe('body');
    expect(proxy.seen).toHaveLength(1);
    expect(proxy.seen[0]).toMatchObject({ method: 'CONNECT', url: `server.test:${server.port}` });
    expect(proxy.seen[0]?.headers.authorization).toBeUndefined();
    const credentials = Buffer.from('me:p@ss').toString('base64');
    expect(proxy.seen[0]?.headers['proxy-authorization']).toBe(`Basic ${credentials}`);
    expect(server.seen[0]?.headers['proxy-authorization']).toBeUndefined();
  });

  it('is given the whole URL of an http target', async () => {
    const server = await started(echo());
    const proxy = await started(startProxy());
    const environment = { http_proxy: `127.0.0.1:${proxy.port}` };
    const client = createHttpClient({ agentVersion: '1', environment });
    const url = `http://server.test:${server.port}/v1/ingest`;
    const reply = await client.request({ method: 'POST', url, body: Buffer.from('body') });
    expect(reply.body.toString()).toBe('body');
    expect(proxy.seen[0]?.url).toBe(url);
    expect(server.seen[0]?.headers.host).toBe(`server.test:${server.port}`);
  });

  it('that refuses is named, without its password', async () => {
    const proxy = await started(startProxy({ refuse: 407 }));
    const environment = { HTTPS_PROXY: `http://me:hidden@127.0.0.1:${proxy.port}` };
    const client = createHttpClient({ agentVersion: '1', environment });
    const failure = client.request({ method: 'GET', url: 'https://server.test/' });
    await expect(failure).rejects.toThrow(
      `server.test: proxy 127.0.0.1:${proxy.port} answered 407 to CONNECT server.test:443`,
    );
    await expect(failure).rejects.not.toThrow('hidden');
  });
});

describe('the connection', () => {
  const get = (port: number) => plain.request({ method: 'GET', url: `http://127.0.0.1:${port}/` });

  it('stays open from one request to the next', async () => {
    const server = await started(echo());
    await get(server.port);
    await get(server.port);
    expect(server.connections()).toBe(1);
  });

  it('is made anew where the server closed it just as it was used again', async () => {
    let requests = 0;
    const server = await started(
      startServer((_, response) => {
        requests++;
        // The second request on a connection meets a server that has given it up.
        if (requests === 2) response.socket?.resetAndDestroy();
        else response.end('ok');
      }),
    );
    await get(server.port);
    expect((await get(server.port)).body.toString()).toBe('ok');
    expect({ requests, connections: server.connections() }).toEqual({ requests: 3, connections: 2 });
  });

  it('that fails when it is new is a failure, told once', async () => {
    let requests = 0;
    const server = await started(
      startServer((_, response) => {
        requests++;
        response.socket?.resetAndDestroy();
      }),
    );
    await expect(get(server.port)).rejects.toThrow(HttpError);
    expect(requests).toBe(1);
  });
});
