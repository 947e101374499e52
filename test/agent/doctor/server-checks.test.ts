/** What the doctor says of the server, by what comes back over a real connection. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Check } from '../../../agent/doctor/check.ts';
import { serverChecks } from '../../../agent/doctor/server-checks.ts';
import { createHttpClient } from '../../../agent/http/http-client.ts';

/** No program that tells of the clock. */
const ENV = { PATH: '/nonexistent' };

async function checksAt(status: number, body: string, type = 'application/json') {
  let sent: IncomingHttpHeaders = {};
  const server = createServer((request, response) => {
    sent = request.headers;
    request.resume().on('end', () => response.writeHead(status, { 'Content-Type': type }).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const http = createHttpClient({ agentVersion: '1.0.0', environment: {} });
  const checks = await serverChecks(http, { url, nodeId: 'node-1', token: 'secret' }, '1.0.0', ENV);
  return { of: (name: string): Check | undefined => checks.find((one) => one.name === name), sent };
}

const reply = () =>
  JSON.stringify({
    accepted: 0,
    unchanged: 0,
    quarantined: [],
    serverTimeMs: Date.now(),
    reportEverySeconds: 60,
  });

test('a server that takes the token is reached, and asked as the agent asks it', async () => {
  const { of, sent } = await checksAt(200, reply());
  expect(of('reached')).toMatchObject({ result: 'ok', detail: 'it answers and takes the token' });
  expect(of('wall clock')).toMatchObject({ result: 'ok', detail: 'agrees with the server' });
  expect(sent).toMatchObject({ authorization: 'Bearer secret', 'wattshed-node': 'node-1' });
});

test('a captive portal, which says 200 to everything, is no server', async () => {
  const { of } = await checksAt(200, '<html>Log in</html>', 'text/html');
  expect(of('reached')).toMatchObject({
    result: 'problem',
    detail: expect.stringContaining('captive portal'),
    fix: expect.stringContaining('HTTPS_PROXY'),
  });
  expect(of('wall clock')).toMatchObject({ result: 'note' });
});

test.each([401, 403])('%i: the token is refused', async (status) => {
  const { of } = await checksAt(status, '{}');
  expect(of('reached')).toMatchObject({
    result: 'problem',
    detail: `it refuses this host's token: the server answered ${status}`,
    fix: expect.stringContaining("this one's name and machine id"),
  });
});

test('an error is told in its own words', async () => {
  const problem = JSON.stringify({ code: 'overloaded', detail: 'Too many nodes.' });
  const { of } = await checksAt(503, problem, 'application/problem+json');
  expect(of('reached')).toMatchObject({
    result: 'problem',
    detail: 'the server answered 503 overloaded: Too many nodes',
  });
});
