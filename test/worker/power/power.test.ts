import { expect, test } from 'vitest';
import { device, newNode, recentWindow, report, send, seriesWire, WINDOW_MS } from '../ingest/support.ts';
import { api, call, refusal } from '../support/api.ts';

interface Power {
  devices: { id: string; powerWatts: (number | null)[]; windowsFromEnergy: number }[];
}

const start = recentWindow(1);
const at = (offsetSeconds: number) => new Date(start + offsetSeconds * 1_000).toISOString();

function power(nodeId: string, query: Record<string, string | number>): Promise<Power> {
  const search = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)]));
  return api('GET', `/v1/nodes/${nodeId}/power?${search}`);
}

/** One window at 1 Hz: a ramp with a hole of ten seconds; the next window has its energy alone. */
async function nodeWithHistory(hostname: string): Promise<string> {
  const { nodeId, token } = await newNode(hostname);
  const samples = Array.from({ length: 300 }, (_, second) =>
    second >= 20 && second < 30 ? null : 400 + second,
  );
  const series = { stepMilliseconds: 1_000, watts: await seriesWire(samples) };
  await send(token, [
    report({ windowStartMs: start, devices: [device({ series }), device({ id: 'GPU-2' })] }),
    report({
      windowStartMs: start + WINDOW_MS,
      devices: [device({ meteredMilliseconds: 100_000, energyMillijoules: 65_000_000 })],
    }),
  ]);
  return nodeId;
}

test('the series comes back second by second, a gap as null', async () => {
  const nodeId = await nodeWithHistory('power-seconds');
  const { devices } = await power(nodeId, { from: at(0), to: at(60), stepSeconds: 1, device: device().id });
  expect(devices).toHaveLength(1);
  expect(devices[0]!.windowsFromEnergy).toBe(0);
  expect(devices[0]!.powerWatts).toEqual(
    Array.from({ length: 60 }, (_, second) => (second >= 20 && second < 30 ? null : 400 + second)),
  );
});

test('a larger step is the mean of what was known; a gap does not pull it down', async () => {
  const nodeId = await nodeWithHistory('power-mean');
  const { devices } = await power(nodeId, { from: at(0), to: at(60), stepSeconds: 20, device: device().id });
  expect(devices[0]!.powerWatts).toEqual([409.5, 434.5, 449.5]);
});

test('where no series is stored the mean of the energy stands, and says so', async () => {
  const nodeId = await nodeWithHistory('power-energy');
  const { devices } = await power(nodeId, { from: at(0), to: at(600), stepSeconds: 300 });
  expect(devices.map(({ id, windowsFromEnergy }) => [id, windowsFromEnergy])).toEqual([
    [device().id, 1],
    ['GPU-2', 1],
  ]);
  expect(devices[0]!.powerWatts[1]).toBe(650);
  expect(devices[1]!.powerWatts).toEqual([650, null]);
});

test('a range or a step that is too much is refused with what to change', async () => {
  const nodeId = await nodeWithHistory('power-bounds');
  const ask = (query: string) => call('GET', `/v1/nodes/${nodeId}/power?${query}`);
  expect(await refusal(await ask(`from=${at(0)}&to=${at(32 * 3_600)}`))).toMatchObject({
    status: 400,
    code: 'range_too_long',
    field: 'from',
  });
  expect(await refusal(await ask(`from=${at(0)}&to=${at(24 * 3_600)}&stepSeconds=1`))).toMatchObject({
    status: 400,
    code: 'range_too_long',
    field: 'stepSeconds',
  });
  expect(await refusal(await ask(`from=${at(60)}&to=${at(60)}`))).toMatchObject({
    status: 400,
    code: 'invalid_parameter',
  });
  expect(await refusal(await ask('from=yesterday'))).toMatchObject({
    status: 400,
    code: 'invalid_parameter',
  });
  expect(await refusal(await call('GET', '/v1/nodes/nobody/power'))).toMatchObject({ status: 404 });
});
