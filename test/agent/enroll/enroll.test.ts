import { webcrypto } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadCredentials, saveCredentials } from '../../../agent/enroll/credentials.ts';
import { enroll, serverUrl } from '../../../agent/enroll/enroll.ts';
import { createHttpClient } from '../../../agent/http/http-client.ts';
import { createToken, ENROLMENT_KEY_PREFIX } from '../../../shared/auth/token-format.ts';
import { type Answer, startServer } from '../http/support.ts';

const crypto = {
  randomBytes: (count: number) => webcrypto.getRandomValues(new Uint8Array(count)),
  sha256: async (bytes: Uint8Array) =>
    new Uint8Array(await webcrypto.subtle.digest('SHA-256', Uint8Array.from(bytes))),
};
const key = (await createToken(crypto, { idPrefix: ENROLMENT_KEY_PREFIX })).token;
const token = (await createToken(crypto)).token;
const body = {
  hostname: 'node-a',
  fingerprint: 'a'.repeat(64),
  machineFingerprint: 'b'.repeat(64),
  agentVersion: '1.0.0',
};
const http = createHttpClient({ agentVersion: '1.0.0', environment: {} });

async function enrollAt(answer: Answer, given = key) {
  const server = await startServer(answer);
  try {
    const url = `http://127.0.0.1:${server.port}/`;
    return {
      enrolment: await enroll({ http, url, key: given, body }),
      seen: server.seen[0],
      port: server.port,
    };
  } finally {
    await server.stop();
  }
}

const problem =
  (status: number, code: string): Answer =>
  (_, response) =>
    response
      .writeHead(status, { 'Content-Type': 'application/problem+json' })
      .end(JSON.stringify({ status, code, detail: `detail of ${code}` }));

describe('enrolling', () => {
  it('gives the key and who this host is, and gets a token', async () => {
    const answer: Answer = (_, response) =>
      response.end(JSON.stringify({ nodeId: 'node-1', token, gridZone: 'DE', site: 'berlin' }));
    const { enrolment, seen, port } = await enrollAt(answer, `${key}\n`);
    expect(enrolment).toEqual({
      url: `http://127.0.0.1:${port}`,
      nodeId: 'node-1',
      token,
      gridZone: 'DE',
      site: 'berlin',
    });
    expect(seen).toMatchObject({
      method: 'POST',
      url: '/v1/enroll',
      headers: { authorization: `Bearer ${key}` },
    });
    expect(JSON.parse(String(seen?.body))).toEqual(body);
  });

  it.each([
    [401, 'unauthenticated', 'create a new one'],
    [403, 'enrolment_key_exhausted', 'used as often as it allows'],
    [409, 'host_already_enrolled', 'this host is a node already'],
    [503, 'overloaded', 'try again in 30 s'],
    [422, 'invalid_body', '422 invalid_body'],
  ])('%i %s says what mends it', async (status, code, text) => {
    await expect(enrollAt(problem(status, code))).rejects.toThrow(text);
  });

  it.each([
    ['a redirect', 301, '', 'with a redirect to https://new.test/'],
    ['a portal', 200, '<html>', 'is not a Wattshed server'],
    ['another service', 404, 'not here', 'is not a Wattshed server'],
    [
      'a token cut short',
      200,
      JSON.stringify({ nodeId: 'n', token: token.slice(0, -1), gridZone: 'DE', site: 's' }),
      'is not',
    ],
    ['a broken server', 502, '', 'answers 502: try again later'],
  ])('%s is told apart', async (_, status, text, message) => {
    const answer: Answer = (_seen, response) =>
      response.writeHead(status, { Location: 'https://new.test/' }).end(text);
    await expect(enrollAt(answer)).rejects.toThrow(message);
  });

  it('notices a mistyped key, or a token in its place, before it is sent', async () => {
    const never: Answer = () => expect.unreachable();
    await expect(enrollAt(never, key.slice(0, -1))).rejects.toThrow('incomplete or mistyped');
    await expect(enrollAt(never, token)).rejects.toThrow('this is a token, not an enrolment key');
  });

  it.each([
    ['https://a.test/', 'https://a.test'],
    ['https://a.test:8443/base/', 'https://a.test:8443/base'],
  ])('takes %s as %s', (given, expected) => expect(serverUrl(given)).toBe(expected));

  it.each(['a.test', 'ftp://a.test', 'https://me:secret@a.test', 'https://a.test/?x=1'])(
    'refuses the URL %s',
    (given) => {
      expect(() => serverUrl(given)).toThrow("the server's URL");
    },
  );
});

describe('the credentials', () => {
  let directory: string;
  const credentials = { url: 'https://a.test', nodeId: 'node-1', token };
  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), 'wattshed-enroll-')), 'state');
  });
  afterEach(() => rmSync(join(directory, '..'), { recursive: true, force: true }));

  it('come back, for the owner alone, and are replaced whole', async () => {
    expect(await loadCredentials(directory)).toBeNull();
    await saveCredentials(directory, { ...credentials, nodeId: 'older' });
    writeFileSync(join(directory, 'node.json.new'), 'left by a crash');
    await saveCredentials(directory, credentials);
    expect(await loadCredentials(directory)).toEqual(credentials);
    expect(statSync(join(directory, 'node.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['node.json']);
  });

  it('that others may read are refused with the fix', async () => {
    await saveCredentials(directory, credentials);
    const path = join(directory, 'node.json');
    chmodSync(path, 0o640);
    await expect(loadCredentials(directory)).rejects.toThrow(`run chmod 600 ${path}`);
  });

  it.each(['', '{}', '{"url":"x","nodeId":"n","token":"wsk_a_b"}'])(
    'that are damaged (%s) are said to be',
    async (text) => {
      await saveCredentials(directory, credentials);
      writeFileSync(join(directory, 'node.json'), text);
      await expect(loadCredentials(directory)).rejects.toThrow('is damaged: run wattshed enroll again');
    },
  );
});
