import { readFile } from 'node:fs/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { NodeMeterUse } from '../../../../agent/sensors/node-meter/chassis-sharing.ts';
import { controlPower, environmentPower } from '../../../../agent/sensors/node-meter/redfish-power.ts';
import { createRedfishSensor } from '../../../../agent/sensors/node-meter/redfish-sensor.ts';
import { CA_FILE, startServer } from '../../http/support.ts';
import { emptyHost, fixture } from '../host-tree.ts';
import { manualClock } from '../manual-clock.ts';
import { readyValue } from '../outcome.ts';

const recorded = (name: string) => readFile(fixture(`redfish/${name}.json`), 'utf8');

describe('the power in recorded answers', () => {
  test.each([
    [
      'dmtf__1U_Power',
      { powerWatts: 344, property: 'PowerControl', point: 'acIn', meanOverMilliseconds: null },
    ],
    [
      'telegraf__dell_power',
      { powerWatts: 429, property: 'PowerControl', point: 'unknown', meanOverMilliseconds: null },
    ],
    [
      'telegraf__hp_power',
      { powerWatts: 221, property: 'PowerControl', point: 'unknown', meanOverMilliseconds: null },
    ],
    // The second and third of three are parts of the first.
    [
      'lenovo_sr670__Chassis_1_Power',
      { powerWatts: 416, property: 'PowerControl', point: 'unknown', meanOverMilliseconds: null },
    ],
    // An object instead of an array, and numbers as text.
    [
      'gofish__cisco_power_strings_and_object',
      { powerWatts: 152, property: 'PowerControl', point: 'unknown', meanOverMilliseconds: null },
    ],
    // No power, but its mean over five seconds.
    [
      'gofish__ami_liteon_power_no_PowerConsumedWatts',
      {
        powerWatts: 148,
        property: 'PowerControl, a mean over 5 s',
        point: 'unknown',
        meanOverMilliseconds: 5000,
      },
    ],
  ])('%s', async (name, expected) => {
    expect(controlPower(JSON.parse(await recorded(name)))).toEqual(expected);
  });

  test('the newer resource, and one that tells a limit only', async () => {
    expect(environmentPower(JSON.parse(await recorded('dmtf__1U_EnvironmentMetrics')))?.powerWatts).toBe(374);
    const limit = JSON.parse(await recorded('gh200__Chassis_HGX_Chassis_0_EnvironmentMetrics'));
    expect(environmentPower(limit)).toBeNull();
  });

  test.each([
    [{}],
    [{ PowerControl: [] }],
    [{ PowerControl: [{ PowerConsumedWatts: null }] }],
    [{ PowerControl: [{ PowerConsumedWatts: 'N/A' }] }],
    [{ PowerControl: [{ PowerConsumedWatts: '1,024' }] }],
    [{ PowerControl: [{ PowerConsumedWatts: -1 }] }],
    // A mean over twenty minutes is no power of now.
    [{ PowerControl: [{ PowerMetrics: { AverageConsumedWatts: 221, IntervalInMin: 20 } }] }],
  ])('%j tells none', (power) => {
    expect(controlPower(power)).toBeNull();
  });
});

const USER = 'reader';
const PASSWORD = 'öffne dich';
const AUTHORIZATION = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;

interface Setting {
  readonly use?: NodeMeterUse;
  readonly chassis?: string;
  readonly caFile?: string | null;
  readonly insecure?: boolean;
  readonly user?: string | null;
  readonly tls?: boolean;
}

/** A controller that answers these paths, to those who know the password. */
async function controllerWith(resources: Readonly<Record<string, string>>, setting: Setting = {}) {
  const {
    use = 'auto',
    chassis = null,
    caFile = CA_FILE,
    insecure = false,
    user = USER,
    tls = true,
  } = setting;
  const server = await startServer(
    ({ url, headers }, response) => {
      const body = resources[url];
      const status = headers.authorization !== AUTHORIZATION ? 401 : body === undefined ? 404 : 200;
      response.writeHead(status).end(body);
    },
    { tls },
  );
  const host = await emptyHost();
  await host.write({ password: `${PASSWORD}\n` });
  const url = `${tls ? 'https' : 'http'}://localhost:${server.port}`;
  const access = { url, user, passwordFile: `${host.root}/password`, caFile, insecure };
  const sensor = createRedfishSensor({ clock: manualClock(), use, access, chassis });
  onTestFinished(async () => {
    await sensor.close();
    await server.stop();
  });
  return { sensor, server, host };
}

const members = (...ids: string[]) =>
  JSON.stringify({ Members: ids.map((id) => ({ '@odata.id': `/redfish/v1/Chassis/${id}` })) });

const chassisOf = (systems: number, more: object = {}) =>
  JSON.stringify({
    ChassisType: 'RackMount',
    Links: {
      ComputerSystems: Array.from({ length: systems }, (_, i) => ({
        '@odata.id': `/redfish/v1/Systems/${i}`,
      })),
    },
    Power: { '@odata.id': '/redfish/v1/Power' },
    ...more,
  });

const POWER = JSON.stringify({ PowerControl: [{ PowerConsumedWatts: 812 }] });

async function dmtf(): Promise<Record<string, string>> {
  return {
    '/redfish/v1/Chassis': await recorded('dmtf__chassis_collection'),
    '/redfish/v1/Chassis/1U': await recorded('dmtf__1U_Chassis'),
    '/redfish/v1/Chassis/1U/EnvironmentMetrics': await recorded('dmtf__1U_EnvironmentMetrics'),
    '/redfish/v1/Chassis/1U/Power': await recorded('dmtf__1U_Power'),
  };
}

describe('the node by its controller', () => {
  test('the newer resource is asked, with the password, and the chassis only once', async () => {
    const { sensor, server } = await controllerWith(await dmtf());
    readyValue(await sensor.probe());
    const outcome = await sensor.read();
    expect(readyValue(outcome)).toMatchObject([{ meterId: 'redfish:node', powerWatts: 374 }]);
    expect(outcome.detail).toBe(
      'the whole node by chassis 1U (EnvironmentMetrics); where it is measured: not told',
    );
    expect(server.seen.map(({ url }) => url)).toEqual([
      '/redfish/v1/Chassis',
      '/redfish/v1/Chassis/1U',
      '/redfish/v1/Chassis/1U/EnvironmentMetrics',
    ]);
  });

  test('the older one where the newer tells no power', async () => {
    const resources = await dmtf();
    resources['/redfish/v1/Chassis/1U/EnvironmentMetrics'] = await recorded(
      'gh200__Chassis_HGX_Chassis_0_EnvironmentMetrics',
    );
    const { sensor } = await controllerWith(resources);
    const outcome = await sensor.probe();
    readyValue(outcome);
    expect(outcome.detail).toContain(
      'the whole node by chassis 1U (PowerControl); where it is measured: AC in',
    );
    expect(readyValue(outcome)[0]?.facts).toEqual({
      powerSource: 'PowerControl',
      powerMeaning: 'instantaneous',
      measuredAt: 'acIn',
    });
  });

  test('an agent that stops waits for one answer at most, however many chassis there are', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `C${index}`);
    const { sensor, server } = await controllerWith({
      '/redfish/v1/Chassis': members(...ids),
      ...Object.fromEntries(ids.map((id) => [`/redfish/v1/Chassis/${id}`, chassisOf(0)])),
    });
    const probing = sensor.probe();
    await vi.waitFor(() => expect(server.seen.length).toBeGreaterThan(0), { interval: 1 });
    const seen = server.seen.length;
    await sensor.close();
    expect(server.seen.length).toBeLessThanOrEqual(seen + 1);
    expect(await probing).toMatchObject({ state: 'noData' });
  });

  test('of several chassis the one that holds a system', async () => {
    const { sensor } = await controllerWith({
      '/redfish/v1/Chassis': await recorded('lenovo_sr670__Chassis'),
      '/redfish/v1/Chassis/1': await recorded('lenovo_sr670__Chassis_1'),
      '/redfish/v1/Chassis/3': JSON.stringify({ ChassisType: 'Module', Links: {} }),
      '/redfish/v1/Chassis/1/Power': await recorded('lenovo_sr670__Chassis_1_Power'),
    });
    readyValue(await sensor.probe());
    expect(readyValue(await sensor.read())).toMatchObject([{ powerWatts: 416 }]);
  });

  test('an only chassis is this host, also where it names no system', async () => {
    const { sensor } = await controllerWith({
      '/redfish/v1/Chassis': members('1'),
      '/redfish/v1/Chassis/1': await recorded('telegraf__hp_chassis'),
      '/redfish/v1/Chassis/1/Power': await recorded('telegraf__hp_power'),
    });
    readyValue(await sensor.probe());
    expect(readyValue(await sensor.read())).toMatchObject([{ powerWatts: 221 }]);
  });

  test('a GPU baseboard holds a system and is still none', async () => {
    const { sensor } = await controllerWith({
      '/redfish/v1/Chassis': members('HGX_Chassis_0', 'Host'),
      '/redfish/v1/Chassis/HGX_Chassis_0': await recorded('gh200__Chassis_HGX_Chassis_0'),
      '/redfish/v1/Chassis/Host': chassisOf(1),
      '/redfish/v1/Power': POWER,
    });
    const outcome = await sensor.probe();
    readyValue(outcome);
    expect(outcome.detail).toContain('chassis Host');
  });

  test('a chassis without links to a power cannot be meant', async () => {
    const { sensor } = await controllerWith({
      '/redfish/v1/Chassis': members('bare', 'host'),
      '/redfish/v1/Chassis/bare': JSON.stringify({
        Links: { ComputerSystems: [{ '@odata.id': '/redfish/v1/Systems/1' }] },
      }),
      '/redfish/v1/Chassis/host': chassisOf(1),
      '/redfish/v1/Power': POWER,
    });
    readyValue(await sensor.probe());
  });

  test('after a failure the chassis is looked for again', async () => {
    const resources: Record<string, string> = {
      '/redfish/v1/Chassis': members('old'),
      '/redfish/v1/Chassis/old': chassisOf(1),
    };
    const { sensor } = await controllerWith(resources);
    expect(await sensor.probe()).toMatchObject({ state: 'noData' });
    resources['/redfish/v1/Chassis'] = members('new');
    resources['/redfish/v1/Chassis/new'] = chassisOf(1);
    resources['/redfish/v1/Power'] = POWER;
    const outcome = await sensor.probe();
    readyValue(outcome);
    expect(outcome.detail).toContain('chassis new');
  });

  test('where several could be meant the operator says which', async () => {
    const resources = {
      '/redfish/v1/Chassis': members('left', 'right'),
      '/redfish/v1/Chassis/left': chassisOf(1),
      '/redfish/v1/Chassis/right': chassisOf(1),
      '/redfish/v1/Power': POWER,
    };
    const { sensor } = await controllerWith(resources);
    expect(await sensor.probe()).toEqual({
      state: 'noData',
      detail: 'the controller has several chassis, of which any could be this host: left, right',
      fix: 'set "redfishChassis" to the one that is this host: left, right',
    });
    const chosen = await controllerWith(resources, { chassis: 'right' });
    readyValue(await chosen.sensor.probe());
    const wrong = await controllerWith(resources, { chassis: 'middle' });
    expect(await wrong.sensor.probe()).toMatchObject({
      state: 'noData',
      detail: 'the controller has no chassis middle; it has left, right',
    });
  });

  test.each([
    ['chassis 1 holds 4 systems: its meter is not used', chassisOf(4)],
    [
      'chassis 1 is an enclosure of several hosts: its meter is not used',
      chassisOf(1, { ChassisType: 'Enclosure' }),
    ],
  ])('%s', async (detail, chassis) => {
    const resources = {
      '/redfish/v1/Chassis': members('1'),
      '/redfish/v1/Chassis/1': chassis,
      '/redfish/v1/Power': POWER,
    };
    const { sensor } = await controllerWith(resources);
    expect(await sensor.probe()).toMatchObject({
      state: 'noData',
      detail,
      fix: expect.stringContaining('"nodeMeter"'),
    });
    readyValue(await (await controllerWith(resources, { use: 'node' })).sensor.probe());
  });

  test('not configured, switched off: absent', async () => {
    const bare = createRedfishSensor({ clock: manualClock(), use: 'auto', access: null, chassis: null });
    expect(await bare.probe()).toMatchObject({ state: 'absent' });
    const off = await controllerWith(await dmtf(), { use: 'off' });
    expect(await off.sensor.probe()).toMatchObject({ state: 'absent' });
    expect(off.server.seen).toEqual([]);
  });
});

describe('what keeps it from answering', () => {
  test('another password', async () => {
    const { sensor } = await controllerWith(await dmtf(), { user: 'nobody' });
    expect(await sensor.probe()).toMatchObject({
      state: 'noData',
      detail: expect.stringMatching(/^localhost:\d+ refuses the credentials \(401\)$/),
      fix: expect.stringContaining('"redfishPasswordFile"'),
    });
  });

  test('a password file that is not there', async () => {
    const { sensor, host } = await controllerWith(await dmtf());
    await host.link('gone', 'nowhere');
    const access = {
      url: 'https://localhost:1',
      user: USER,
      passwordFile: `${host.root}/gone`,
      caFile: null,
      insecure: false,
    };
    const other = createRedfishSensor({ clock: manualClock(), use: 'auto', access, chassis: null });
    expect(await other.probe()).toMatchObject({
      state: 'noData',
      detail: expect.stringContaining('(ENOENT)'),
    });
    await sensor.close();
  });

  test('a certificate that nobody vouches for, unless the operator takes any', async () => {
    const { sensor, server } = await controllerWith(await dmtf(), { caFile: null });
    expect(await sensor.probe()).toMatchObject({
      state: 'noData',
      fix: expect.stringContaining('"redfishCaFile"'),
    });
    expect(server.seen).toEqual([]);
    const insecure = await controllerWith(await dmtf(), { caFile: null, insecure: true });
    readyValue(await insecure.sensor.probe());
  });

  test('a password does not travel over http', async () => {
    const { sensor, server } = await controllerWith(await dmtf(), { tls: false });
    expect(await sensor.probe()).toMatchObject({
      state: 'noData',
      detail: 'a password is not sent over http',
    });
    expect(server.seen).toEqual([]);
    readyValue(await (await controllerWith(await dmtf(), { tls: false, insecure: true })).sensor.probe());
    const open = await controllerWith(await dmtf(), { tls: false, user: null });
    expect(await open.sensor.probe()).toMatchObject({
      detail: expect.stringContaining('refuses the credentials'),
    });
  });

  test('a link to another host is not followed', async () => {
    const { sensor } = await controllerWith({
      '/redfish/v1/Chassis': JSON.stringify({
        Members: [{ '@odata.id': 'https://elsewhere.example/redfish/v1/Chassis/1' }],
      }),
    });
    expect(await sensor.probe()).toMatchObject({
      state: 'noData',
      detail: expect.stringMatching(/refers to elsewhere\.example, which is not asked$/),
    });
  });

  test('broken JSON, a missing resource and a chassis without power are told apart', async () => {
    const broken = await dmtf();
    broken['/redfish/v1/Chassis/1U/EnvironmentMetrics'] = await recorded('telegraf__dell_powerinvalid');
    expect(await (await controllerWith(broken)).sensor.probe()).toMatchObject({
      state: 'noData',
      detail: expect.stringMatching(/EnvironmentMetrics is not a JSON object$/),
    });
    const missing = await dmtf();
    delete missing['/redfish/v1/Chassis/1U/EnvironmentMetrics'];
    expect(await (await controllerWith(missing)).sensor.probe()).toMatchObject({
      state: 'noData',
      detail: expect.stringMatching(/EnvironmentMetrics with 404$/),
    });
    const powerless = {
      ...(await dmtf()),
      '/redfish/v1/Chassis/1U': chassisOf(1),
      '/redfish/v1/Power': '{}',
    };
    expect(await (await controllerWith(powerless)).sensor.probe()).toMatchObject({
      state: 'noData',
      detail: 'chassis 1U tells no power',
    });
  });
});
