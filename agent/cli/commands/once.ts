/** `wattshed once`: one reading of every sensor. */
import type { OnceReport } from '../../sensors/once.ts';
import { table } from '../../text-table.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { readHost } from '../read-host.ts';
import { settingsFor } from '../settings.ts';

export const onceCommand: Command = {
  name: 'once',
  operands: [],
  summary: 'reads every sensor once and prints what it says',
  details: 'Takes a second or two. Needs no server and no enrolment.\n--json also lists the jobs that run.',
  options: { json: { type: 'boolean', about: 'as JSON, for programs' } },
  async run(io, options) {
    const { config } = settingsFor(io, options);
    const report = await readHost(config, io.env);
    io.out(options.json === true ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
    return EXIT.ok;
  },
};

function textOf(report: OnceReport): string {
  if (report.meters.length === 0) return 'No sensor gives a reading here; wattshed doctor says why.\n';
  return table(
    ['DEVICE', 'NAME', 'SENSOR', 'POWER', 'LIMIT', 'COUNTER', 'LOAD'],
    report.meters.map(({ meter, reading }) => [
      meter.deviceId,
      // Its reading is the whole; only what is booked is the rest.
      meter.scope === 'node' ? 'the whole node, parts included' : meter.deviceName,
      meter.powerKind === 'modelled' ? `${meter.sensor} (modelled)` : meter.sensor,
      reading?.powerWatts === undefined ? '-' : `${reading.powerWatts.toFixed(1)} W`,
      meter.facts?.powerLimitWatts === undefined ? '-' : `${meter.facts.powerLimitWatts} W`,
      reading?.counter === undefined
        ? '-'
        : `${Math.floor(reading.counter.value / reading.counter.unitsPerMillijoule / 1000)} J`,
      reading?.utilizationRatio === undefined ? '-' : `${Math.round(reading.utilizationRatio * 100)} %`,
    ]),
  );
}
