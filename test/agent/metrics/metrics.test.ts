import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { agentMetrics } from '../../../agent/metrics/agent-metrics.ts';
import { DeviceTotals } from '../../../agent/metrics/device-totals.ts';
import { serveMetrics } from '../../../agent/metrics/metrics-server.ts';
import type { AgentStatus } from '../../../agent/run/status-file.ts';
import { openMetricsText, prometheusText } from '../../../shared/metrics/open-metrics.ts';
import { epochMs } from '../../../shared/units.ts';
import type { DeviceReport, WindowReport } from '../../../shared/wire/ingest.ts';

const device = (energyMillijoules: number, meteredMilliseconds: number, id = 'GPU-1'): DeviceReport => ({
  id,
  type: 'gpu',
  name: 'NVIDIA H100 80GB HBM3',
  meteredMilliseconds,
  energyMillijoules,
  kind: 'counter',
});
const report = (windowStartMs: number, revision: number, devices: DeviceReport[]): WindowReport => ({
  windowStartMs,
  epoch: 'epoch0001',
  revision,
  final: false,
  devices,
  jobs: [],
});

const status: AgentStatus = {
  pid: 1,
  agentVersion: '9.9.9',
  startedAtMs: 1_700_000_000_000,
  updatedAtMs: 1_700_000_060_000,
  url: 'https://wattshed.example.org',
  nodeId: 'node-1',
  sensors: [
    { sensor: 'nvml', state: 'ready', detail: '1 GPU' },
    { sensor: 'rapl', state: 'noData', detail: 'no rights' },
  ],
  devices: [{ id: 'GPU-1', name: 'NVIDIA H100 80GB HBM3', powerWatts: 512.5 }],
  jobs: [],
  shipping: {
    state: 'delivered',
    detail: 'delivered',
    lastDeliveredAtMs: epochMs(1_700_000_050_000),
    reportEverySeconds: 60,
    quarantinedReports: 0,
  },
  spool: {
    spoolBytes: 4096,
    spoolReports: 3,
    unsyncedReports: 1,
    droppedSeries: 2,
    droppedReports: 0,
    damagedRecords: 0,
    setAsideReports: 1,
    error: null,
  },
  declaredGaps: 4,
};

test('totals grow by what each revision adds, whatever window it is of, and fall nowhere', () => {
  const totals = new DeviceTotals();
  totals.observe([report(0, 1, [device(1_000, 10_000)])]);
  totals.observe([report(0, 2, [device(2_500, 20_000)])]);
  totals.observe([report(300_000, 1, [device(700, 1_000)]), report(0, 3, [device(2_500, 20_000)])]);
  totals.observe([report(0, 4, [device(2_600, 21_000), device(50, 1_000, 'GPU-0')])]);
  expect(
    totals
      .list()
      .map(({ id, energyMillijoules, meteredMilliseconds }) => [id, energyMillijoules, meteredMilliseconds]),
  ).toEqual([
    ['GPU-0', 50, 1_000],
    ['GPU-1', 3_300, 22_000],
  ]);
});

test('a scraper of this host reads energy, sensors, spool and shipping in the format that it asks for', async () => {
  const totals = new DeviceTotals();
  totals.observe([report(0, 1, [device(1_234_567, 10_000)])]);
  const server = await serveMetrics({
    listen: { host: '127.0.0.1', port: 0 },
    families: () => agentMetrics(status, totals.list()),
    log: () => {},
  });
  try {
    const port = /:(\d+)\//.exec(server.url ?? '')?.[1];
    const plain = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { Accept: 'text/plain' } });
    expect(plain.headers.get('content-type')).toContain('version=0.0.4');
    const text = await plain.text();
    expect(text).toContain(
      'wattshed_device_energy_joules_total{device="GPU-1",device_type="gpu",model="NVIDIA H100 80GB HBM3",kind="counter"} 1234.567\n',
    );
    expect(text).toContain('wattshed_sensor_state{sensor="rapl",state="no_data"} 1\n');
    expect(text).toContain('wattshed_sensor_state{sensor="rapl",state="absent"} 0\n');
    expect(text).toContain('wattshed_spool_reports{state="durable"} 2\n');
    expect(text).toContain('wattshed_dropped_records_total{what="set_aside"} 1\n');
    const open = await fetch(`http://127.0.0.1:${port}/metrics`, {
      headers: { Accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' },
    });
    expect(open.headers.get('content-type')).toContain('application/openmetrics-text');
    expect(await open.text()).toMatch(/# EOF\n$/);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
  } finally {
    await server.close();
  }
});

test('a taken port costs the metrics, is said, and nothing else', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const said: string[] = [];
  const server = await serveMetrics({
    listen: { host: '127.0.0.1', port },
    families: () => [],
    log: (line) => said.push(line),
  });
  other.close();
  expect(server.url).toBeNull();
  expect(said).toEqual([
    `metrics: cannot listen on 127.0.0.1:${port} (EADDRINUSE); "metricsListen" names another place, or is "off"`,
  ]);
  await server.close();
});

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

test.skipIf(!hasPromtool)(
  `promtool has nothing to say to the names${hasPromtool ? '' : ' (skipped: no promtool here)'}`,
  () => {
    const totals = new DeviceTotals();
    totals.observe([report(0, 1, [device(1_234_567, 10_000)])]);
    const families = agentMetrics(status, totals.list());
    const lint = spawnSync('promtool', ['check', 'metrics'], {
      input: prometheusText(families),
      encoding: 'utf8',
    });
    expect({ status: lint.status, said: lint.stdout + lint.stderr }).toEqual({ status: 0, said: '' });
    // The two formats tell the same.
    const values = (text: string) =>
      text.split('\n').filter((line) => line !== '' && !/^#|_created/.test(line));
    expect(values(openMetricsText(families))).toEqual(values(prometheusText(families)));
  },
);
