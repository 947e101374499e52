/**
 * NVIDIA GPUs through one running `nvidia-smi`, where no library can be called. It knows no energy counter: its power
 * samples are integrated.
 */
import type { Clock } from '../../clock.ts';
import { createRowSensor } from '../row-sensor.ts';
import type { Sensor } from '../sensor.ts';
import { familyOfName, powerFacts } from './power-meaning.ts';
import { createSmiParser } from './smi-parser.ts';

/** Known to every driver; newer power columns would make older ones refuse the whole query. */
const QUERY = 'index,uuid,name,driver_version,power.draw,utilization.gpu';

export interface SmiSensorOptions {
  /** The program: a path, or a name looked up on PATH. */
  readonly path: string;
  readonly periodMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

export function createSmiSensor(options: SmiSensorOptions): Sensor {
  return createRowSensor({
    ...options,
    name: 'nvidia-smi',
    standsInFor: 'gpu',
    args: [`--query-gpu=${QUERY}`, '--format=csv,nounits', '-lms', String(options.periodMs)],
    createParser() {
      const parser = createSmiParser();
      const { counts } = parser;
      return {
        push: parser.push,
        get dropped() {
          return counts.badLines + counts.rowsWithoutUuid + counts.powersWithoutValue;
        },
        get lastSaid() {
          return counts.lastMessage || counts.lastWord;
        },
      };
    },
    factsOf: ({ name, driverVersion }) => ({
      driverVersion,
      powerSource: 'power.draw',
      ...powerFacts(familyOfName(name), 'power.draw', driverVersion),
    }),
    mend: (said) => (/version mismatch/i.test(said) ? 'reboot, or reload the nvidia kernel modules' : null),
  });
}
