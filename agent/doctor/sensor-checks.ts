/** Every sensor: found, absent or forbidden, and what its meters say now. */
import type { OnceReport } from '../sensors/once.ts';
import type { Check } from './check.ts';

export function sensorChecks(report: OnceReport): Check[] {
  const checks = report.sensors.map(({ sensor, state, detail, fix }): Check => {
    const result = state === 'ready' ? 'ok' : state === 'noData' || state === 'failed' ? 'problem' : 'note';
    const said = {
      ready: 'found',
      standby: 'standing by',
      absent: 'absent',
      noData: 'no data',
      failed: 'failed',
    };
    return {
      area: 'sensors',
      name: sensor,
      result,
      detail: `${said[state]}: ${detail}`,
      ...(fix ? { fix } : {}),
    };
  });
  const silent = report.meters.filter(({ reading }) => reading === null);
  for (const { meter } of silent)
    checks.push({
      area: 'sensors',
      name: meter.id,
      result: 'problem',
      detail: `${meter.deviceName} gives no reading now`,
    });
  return [...checks, meteredCheck(report)];
}

function meteredCheck({ meters }: OnceReport): Check {
  const shared = { area: 'sensors', name: 'energy' } as const;
  if (meters.length === 0)
    return {
      ...shared,
      result: 'problem',
      detail: 'nothing is metered on this host',
      fix: 'mend one of the sensors above, then run wattshed doctor again',
    };
  const devices = new Map(
    meters.map(({ meter, reading }) => [meter.deviceId, kindOf(meter.powerKind, reading)]),
  );
  const kinds = ['counter', 'integrated', 'modelled', 'simulated'] as const;
  const told = kinds
    .map((kind) => [kind, [...devices.values()].filter((one) => one === kind).length] as const)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${WORDS[kind]}`);
  return {
    ...shared,
    result: 'ok',
    detail: `${devices.size} ${devices.size === 1 ? 'device' : 'devices'}: ${told.join(', ')}`,
  };
}

const WORDS = {
  counter: 'by energy counter',
  integrated: 'by power samples',
  modelled: 'modelled from load',
  simulated: 'simulated',
} as const;

function kindOf(
  powerKind: keyof typeof WORDS,
  reading: OnceReport['meters'][number]['reading'],
): keyof typeof WORDS {
  return reading?.counter === undefined ? powerKind : 'counter';
}
