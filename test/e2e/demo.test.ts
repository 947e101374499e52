/** The demo fleet of `npm start -- --demo` against the real Worker, over a line that breaks. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApi } from '../../deploy/local/api.ts';
import { DEMO_NODES } from '../../deploy/local/demo/fleet.ts';
import { type DemoOptions, startDemo } from '../../deploy/local/demo/run-demo.ts';
import { createEnrolmentKey } from '../../deploy/local/site.ts';
import { type Harness, startHarness } from './harness.ts';

const HOUR_MS = 3_600_000;

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.stop());

/** A line to the server that closes the connection of the given requests, counted from 1, without an answer. */
async function breakingLine(broken: readonly number[]) {
  let count = 0;
  const forward: RequestListener = async (request, response) => {
    count++;
    if (broken.includes(count)) return void request.socket.destroy();
    const body = await buffer(request);
    const {
      authorization,
      'content-type': type,
      'content-encoding': encoding = 'identity',
    } = request.headers;
    const answer = await fetch(`${harness.url}${request.url}`, {
      method: request.method!,
      headers: {
        Authorization: authorization!,
        'Content-Type': type!,
        'Content-Encoding': encoding,
      },
      body,
    });
    response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
  };
  const server = createServer(forward);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: () => count,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

test('connections that break while the nodes are enrolled and tell their history cost nothing of it', async () => {
  await harness.setClock(Date.now());
  // The third is of an enrolment, the thirtieth of the history.
  const line = await breakingLine([3, 30]);
  const api = createApi(harness.url, harness.adminToken);
  const demo = startDemo({
    serverUrl: line.url,
    api,
    databases: [(await harness.database()) as DemoOptions['databases'][number]],
    createEnrolmentKey: (site, uses) => createEnrolmentKey(api, site, uses),
    historyMs: 2 * HOUR_MS,
  });
  try {
    await demo.told;
    expect(line.count()).toBeGreaterThan(30);
    const { nodes } = await harness.api<{ nodes: { id: string; hostname: string }[] }>(
      'GET',
      '/v1/nodes?limit=50',
    );
    expect(nodes.map(({ hostname }) => hostname).sort()).toEqual(
      DEMO_NODES.map(({ hostname }) => hostname).sort(),
    );
  } finally {
    await demo.stop();
    await line.stop();
  }
});
