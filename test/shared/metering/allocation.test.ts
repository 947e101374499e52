import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  allocationOf,
  type GpuClaim,
  type HostLook,
  type JobClaim,
} from '../../../shared/metering/allocation.ts';

function claim(name: string, gpus: JobClaim['gpus'], cores: number | null = null): JobClaim {
  return { id: name, incarnation: '1', labels: {}, gpus, cores };
}

const whole = (deviceId: string): GpuClaim => ({ deviceId, attribution: 'allocation', weight: 1 });

function look(claims: readonly JobClaim[], changes: Partial<HostLook> = {}) {
  const { gpus, host } = allocationOf({
    atMs: 0,
    claims,
    gpuIds: ['g0', 'g1'],
    cores: 8,
    complete: true,
    usage: {},
    ...changes,
  });
  const text = ({ shares, restIdle }: typeof host) =>
    [
      ...shares.map(({ jobId, fraction, attribution }) => `${jobId} ${fraction} ${attribution}`),
      ...(restIdle ? ['idle'] : []),
    ].join(', ');
  return { g0: text(gpus.g0 ?? { shares: [], restIdle: false }), host: text(host) };
}

describe('a GPU', () => {
  test('is its job\u2019s, used or not; a free one is idle by the scheduler\u2019s word', () => {
    expect(look([claim('a', [whole('g0')])])).toEqual({
      g0: 'a 1 allocation, idle',
      host: 'a 0.5 allocation, idle',
    });
    expect(look([])).toEqual({ g0: 'idle', host: 'idle' });
  });

  test('that several jobs hold is split by turns, or by use where that is known', () => {
    const both = [claim('a', [whole('g0')]), claim('b', [whole('g0')])];
    expect(look(both).g0).toBe('a 0.5 turns, b 0.5 turns, idle');
    expect(look(both, { usage: { g0: { a: 0.6, b: 0.2 } } }).g0).toBe(
      'a 0.7499999999999999 utilization, b 0.25 utilization, idle',
    );
    expect(look(both, { usage: { g0: { a: 0, b: 0 } } }).g0).toBe('a 0.5 turns, b 0.5 turns, idle');
    const turns = (weight: number): GpuClaim[] => [{ deviceId: 'g0', attribution: 'turns', weight }];
    expect(look([claim('a', turns(1)), claim('b', turns(3))]).g0).toBe('a 0.25 turns, b 0.75 turns, idle');
  });

  test('in slices is split by their size: what no job holds stays apart, and the energy is never multiplied', () => {
    const slices = (weight: number): GpuClaim[] => [{ deviceId: 'g0', attribution: 'slices', weight }];
    expect(look([claim('a', slices(0.25)), claim('b', slices(0.5))]).g0).toBe(
      'a 0.25 slices, b 0.5 slices, idle',
    );
    expect(look([claim('a', slices(1)), claim('b', slices(1))]).g0).toBe('a 0.5 slices, b 0.5 slices, idle');
  });

  test('is a process\u2019s job\u2019s only where nobody allocated it', () => {
    const seen: GpuClaim[] = [{ deviceId: 'g0', attribution: 'processes', weight: 1 }];
    expect(look([claim('a', seen)], { complete: false }).g0).toBe('a 1 processes');
    expect(look([claim('a', seen), claim('b', [whole('g0')])]).g0).toBe('b 1 allocation, idle');
  });

  test('is idle by nobody\u2019s word where a job\u2019s GPUs are not known', () => {
    expect(look([claim('a', null)])).toEqual({ g0: '', host: '' });
    expect(look([], { complete: false }).g0).toBe('');
  });
});

describe('the host', () => {
  test('with GPUs goes with them; beside a job without GPUs its rest is nobody\u2019s', () => {
    expect(look([claim('a', [whole('g0')], 2), claim('b', [], 4)]).host).toBe('a 0.5 allocation');
  });

  test('without GPUs goes by cores', () => {
    const noGpus = { gpuIds: [] };
    expect(look([claim('a', [], 2), claim('b', [], 4)], noGpus).host).toBe(
      'a 0.25 allocation, b 0.5 allocation, idle',
    );
    expect(look([claim('a', [], 12), claim('b', [], 4)], noGpus).host).toBe(
      'a 0.75 turns, b 0.25 turns, idle',
    );
    expect(look([claim('a', [], 2), claim('b', [], null)], noGpus).host).toBe('a 0.25 allocation');
    expect(look([claim('a', [], 2)], { ...noGpus, cores: null }).host).toBe('');
  });
});

test('what is too little to be a share of the host is none', () => {
  const { gpus, host } = allocationOf({
    atMs: 0,
    claims: [
      {
        id: 'a',
        incarnation: '1',
        labels: {},
        gpus: [{ deviceId: 'g0', attribution: 'slices', weight: Number.MIN_VALUE }],
        cores: null,
      },
    ],
    gpuIds: ['g0', 'g1'],
    cores: 32,
    complete: true,
    usage: {},
  });
  expect(gpus.g0?.shares).toHaveLength(1);
  expect(host.shares).toEqual([]);
});

test('shares of any claims are parts of one whole', () => {
  const gpuClaim = fc.record({
    deviceId: fc.constantFrom('g0', 'g1', 'unmetered'),
    attribution: fc.constantFrom('allocation', 'slices', 'turns', 'processes'),
    weight: fc.double({ min: 0, max: 8, noNaN: true }),
  });
  const claims = fc.uniqueArray(
    fc.record({
      id: fc.string({ minLength: 1, maxLength: 3 }),
      incarnation: fc.constant('1'),
      labels: fc.constant({}),
      gpus: fc.option(fc.uniqueArray(gpuClaim, { selector: (one) => one.deviceId })),
      cores: fc.option(fc.integer({ min: 0, max: 64 })),
    }),
    { selector: (one) => one.id, maxLength: 6 },
  );
  fc.assert(
    fc.property(claims, fc.boolean(), (list, withGpus) => {
      const { gpus, host } = allocationOf({
        atMs: 0,
        claims: list as JobClaim[],
        gpuIds: withGpus ? ['g0', 'g1'] : [],
        cores: 32,
        complete: true,
        usage: { g0: { [list[0]?.id ?? 'a']: 0.5 } },
      });
      for (const { shares } of [...Object.values(gpus), host]) {
        expect(shares.every(({ fraction }) => fraction > 0)).toBe(true);
        expect(shares.reduce((total, { fraction }) => total + fraction, 0)).toBeLessThan(1 + 1e-9);
      }
    }),
  );
});
