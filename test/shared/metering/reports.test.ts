/** What the meter says, and when: revisions, finality, series, node meters, modules. */
import { describe, expect, test } from 'vitest';
import { counter, gpu, nodeMeter, rig, START_MS } from './support.ts';

const power = (watts: number) => ({ 'nvml:GPU-0': { power: watts } });

describe('revisions', () => {
  test('grow with the content and only then; totals are absolute', () => {
    const one = rig([gpu()]);
    one.tick(0, power(500));
    one.tick(1000, power(500));
    expect(one.report()).toMatchObject([{ revision: 1, final: false, epoch: 'epoch001' }]);
    expect(one.report()).toEqual([]);
    one.tick(2000, power(500));
    expect(one.report()).toMatchObject([{ revision: 2, devices: [{ energyMillijoules: 1_000_000 }] }]);
    one.restart(2000);
    expect(one.report()).toEqual([]);
    one.tick(3000, power(500));
    expect(one.report()).toMatchObject([{ revision: 3, devices: [{ energyMillijoules: 1_500_000 }] }]);
  });

  test('a window is final once no meter can add to it, and carries its series then, once', () => {
    const one = rig([gpu(), gpu('GPU-1')]);
    for (let i = 0; i <= 300; i++) one.tick(i * 1000, { ...power(400 + i), 'nvml:GPU-1': { power: 100 } });
    one.tick(301_000, power(701));
    const taken = one.report();
    expect(taken.map((report) => report.final)).toEqual([true, false]);
    const samples = JSON.parse(taken[0]!.devices[0]!.series!.watts) as number[];
    expect(samples).toHaveLength(300);
    expect(samples[0]).toBe(401);
    expect(samples[299]).toBe(700);
    expect(one.metering.state.windows[START_MS]).toBeUndefined();
  });

  test('stays open while a counter that is silent may still tell of it', () => {
    const one = rig([gpu(), gpu('GPU-1')]);
    one.tick(0, { 'nvml:GPU-0': { counter: counter(0) }, 'nvml:GPU-1': { counter: counter(0) } });
    one.tick(290_000, {
      'nvml:GPU-0': { counter: counter(1_000) },
      'nvml:GPU-1': { counter: counter(1_000) },
    });
    one.tick(310_000, { 'nvml:GPU-0': { counter: counter(2_000) } });
    expect(one.report().every((report) => !report.final)).toBe(true);
    one.tick(320_000, {
      'nvml:GPU-0': { counter: counter(3_000) },
      'nvml:GPU-1': { counter: counter(4_000) },
    });
    expect(one.report()[0]).toMatchObject({ final: true, windowStartMs: START_MS });
    expect(one.device('GPU-1')).toMatchObject({ energy: 4_000 });
  });

  test('a counter that is lost for good keeps no window open for ever', () => {
    const one = rig([gpu(), gpu('GPU-1')]);
    one.tick(0, { 'nvml:GPU-0': { counter: counter(0) }, 'nvml:GPU-1': { counter: counter(0) } });
    for (let i = 1; i <= 61; i++) one.tick(i * 10_000, { 'nvml:GPU-0': { counter: counter(i) } });
    expect(one.report()[0]).toMatchObject({ final: true, windowStartMs: START_MS });
  });

  test('seconds that nobody metered are no zeros in the series', () => {
    const one = rig([gpu()]);
    one.tick(0, power(400));
    one.tick(5000, power(400));
    one.tick(100_000, power(400));
    one.tick(105_000, power(400));
    one.tick(320_000, {});
    const samples = JSON.parse(one.report()[0]!.devices[0]!.series!.watts) as (number | null)[];
    expect(samples.slice(0, 7)).toEqual([400, 400, 400, 400, 400, null, null]);
    expect(samples.filter((sample) => sample === 0)).toEqual([]);
  });
});

describe('a node meter', () => {
  test('without parts is the whole host, as other', () => {
    const one = rig([nodeMeter()]);
    one.tick(0, { bmc: { power: 5_000 } });
    one.tick(10_000, { bmc: { power: 5_000 } });
    one.report();
    expect(one.reports.get(START_MS)!.devices).toMatchObject([
      { id: 'other', type: 'other', energyMillijoules: 50_000_000, kind: 'integrated' },
    ]);
  });

  test('read less often than the parts gives the rest of the same time', () => {
    const one = rig([gpu(), nodeMeter()]);
    for (let i = 0; i <= 12; i++)
      one.tick(i * 1000, { ...power(700), ...(i % 6 === 0 ? { bmc: { power: 1_000 } } : {}) });
    one.report();
    expect(one.device('other')).toMatchObject({ energy: 3_600_000, metered: 12_000 });
    expect(one.device('GPU-0').energy).toBe(8_400_000);
  });

  test('below its parts is flagged and adds nothing', () => {
    const one = rig([gpu(), nodeMeter()]);
    for (let i = 0; i <= 4; i++) one.tick(i * 1000, { ...power(700), bmc: { power: 600 } });
    one.report();
    expect(one.device('other').energy).toBe(0);
    expect(one.metering.state.counts.nodeMeterBelowParts).toBe(4);
  });

  test('that falls silent leaves the parts alone, and a gap', () => {
    const one = rig([gpu(), nodeMeter()]);
    for (let i = 0; i <= 60; i++)
      one.tick(i * 1000, { ...power(700), ...(i < 10 || i > 50 ? { bmc: { power: 1_000 } } : {}) });
    one.report();
    expect(one.device('GPU-0')).toMatchObject({ energy: 42_000_000, metered: 60_000 });
    expect(one.device('other')).toMatchObject({ energy: 300_000 * 18, metered: 18_000 });
    expect(one.metering.state.gaps).toMatchObject([
      { deviceId: 'other', startMs: START_MS + 9_000, endMs: START_MS + 51_000 },
    ]);
  });

  test('waits for a part whose counter is late, and then takes it off once', () => {
    const one = rig([gpu(), nodeMeter()]);
    const joules = (i: number) => ({ 'nvml:GPU-0': { counter: counter(i * 700_000) } });
    for (let i = 0; i <= 20; i++)
      one.tick(i * 1000, { ...(i <= 5 || i === 20 ? joules(i) : {}), bmc: { power: 1_000 } });
    one.report();
    expect(one.device('GPU-0').energy).toBe(14_000_000);
    expect(one.device('other').energy).toBe(6_000_000);
  });

  test('that goes on without a lost part keeps the total right: the part starts anew when it returns', () => {
    const one = rig([gpu(), nodeMeter()]);
    const joules = (i: number) => ({ 'nvml:GPU-0': { counter: counter(i * 700_000) } });
    for (let i = 0; i <= 100; i++)
      one.tick(i * 1000, { ...(i <= 5 || i >= 95 ? joules(i) : {}), bmc: { power: 1_000 } });
    one.report();
    const total = one.device('GPU-0').energy + one.device('other').energy;
    expect(total).toBe(100_000_000);
    expect(one.device('GPU-0').energy).toBe(10 * 700_000);
  });

  test('is used once: a second one is covered by the first', () => {
    const one = rig([nodeMeter(), nodeMeter({ id: 'acpi' })]);
    for (let i = 0; i <= 5; i++) one.tick(i * 1000, { bmc: { power: 1_000 }, acpi: { power: 990 } });
    one.report();
    expect(one.device('other').energy).toBe(5_000_000);
  });
});

test('a module meter covers its CPU and memory, which are not counted again', () => {
  const module = gpu('GPU-0', { scope: 'module' });
  const cpu = gpu('cpu-0', { id: 'rapl:cpu', sensor: 'rapl', deviceType: 'cpu' });
  const one = rig([module, cpu]);
  for (let i = 0; i <= 5; i++)
    one.tick(i * 1000, { 'nvml:GPU-0': { power: 900 }, 'rapl:cpu': { power: 200 } });
  one.report();
  expect(one.device('GPU-0').energy).toBe(4_500_000);
  expect(one.device('cpu-0').energy).toBe(0);
});

test('another sensor that takes a device over does not count its time twice', () => {
  const smi = gpu('GPU-0', { id: 'smi:GPU-0', sensor: 'nvidia-smi' });
  const one = rig([gpu()]);
  one.tick(0, { 'nvml:GPU-0': { counter: counter(0) } });
  one.tick(1000, { 'nvml:GPU-0': { counter: counter(500_000) } });
  one.metering.setMeters([smi]);
  one.tick(2000, { 'smi:GPU-0': { power: 500 } });
  one.tick(12_000, { 'smi:GPU-0': { power: 500 } });
  one.metering.setMeters([gpu()]);
  one.tick(13_000, { 'nvml:GPU-0': { counter: counter(6_500_000) } });
  one.tick(14_000, { 'nvml:GPU-0': { counter: counter(7_000_000) } });
  one.report();
  expect(one.device('GPU-0')).toMatchObject({ energy: 500_000 + 5_000_000 + 500_000, metered: 12_000 });
});
