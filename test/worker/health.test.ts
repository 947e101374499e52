import { SELF } from 'cloudflare:test';
import { expect, test } from 'vitest';

test('healthz answers from the Worker and its database', async () => {
  const response = await SELF.fetch('http://wattshed.test/healthz');
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: 'ok' });
});
