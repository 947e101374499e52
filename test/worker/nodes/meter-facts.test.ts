import { expect, test } from 'vitest';
import type { Inventory, MeterDescription } from '../../../shared/wire/ingest.ts';
import { body, newNode } from '../ingest/support.ts';
import { api, call, refusal } from '../support/api.ts';

const NVML: MeterDescription = {
  id: 'nvml:GPU-1',
  sensor: 'nvml',
  deviceId: 'GPU-1',
  scope: 'device',
  powerSource: 'NVML field 185',
  powerMeaning: 'mean',
  powerWindowMilliseconds: 1000,
  sampledRatio: 0.25,
  driverVersion: '550.54.15',
  powerLimitWatts: 350,
  defaultPowerLimitWatts: 700,
};
const REDFISH: MeterDescription = {
  id: 'redfish:node',
  sensor: 'redfish',
  deviceId: 'other',
  scope: 'node',
  measuredAt: 'acIn',
};

const inventory = (meters: readonly object[]) => ({
  hostname: 'metered',
  kernel: '',
  productName: '',
  parts: [],
  meters,
});

const send = (token: string, told: object) =>
  call('POST', '/v1/ingest', body([], { inventory: told }), { token });

test('what the figures of each stream mean is kept as the agent tells it, and shown with the node', async () => {
  const { nodeId, token } = await newNode('metered');
  const sent = await send(token, inventory([NVML, REDFISH]));
  expect(sent.status).toBe(200);
  const node = await api<{ inventory: Inventory }>('GET', `/v1/nodes/${nodeId}`);
  expect(node.inventory.meters).toEqual([NVML, REDFISH]);
});

test('an agent that does not tell is as welcome', async () => {
  const { nodeId, token } = await newNode('untold');
  const { meters: _, ...plain } = inventory([]);
  expect((await send(token, plain)).status).toBe(200);
  expect((await api<{ inventory: Inventory }>('GET', `/v1/nodes/${nodeId}`)).inventory).toEqual(plain);
});

test.each([
  ['a meaning of its own', { powerMeaning: 'roughly' }, '/inventory/meters/0/powerMeaning'],
  ['a share of more than all', { sampledRatio: 1.5 }, '/inventory/meters/0/sampledRatio'],
  ['a limit of nothing', { powerLimitWatts: 0 }, '/inventory/meters/0/powerLimitWatts'],
  ['a point that there is not', { measuredAt: 'socket' }, '/inventory/meters/0/measuredAt'],
])('%s is refused by its field', async (name, changes, field) => {
  const { token } = await newNode(name.replaceAll(' ', '-'));
  const response = await send(token, inventory([{ ...NVML, ...changes }]));
  expect(await refusal(response)).toMatchObject({ status: 422, field });
});

test('a meter told twice is refused', async () => {
  const { token } = await newNode('twice');
  const response = await send(token, inventory([NVML, NVML]));
  expect(await refusal(response)).toMatchObject({ status: 422, field: '/inventory/meters' });
});
