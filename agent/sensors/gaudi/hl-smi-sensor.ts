/** Gaudi accelerators through one running `hl-smi`. It knows no energy counter: its power samples are integrated. */
import type { Clock } from '../../clock.ts';
import { createRowSensor } from '../row-sensor.ts';
import type { Sensor } from '../sensor.ts';
import { createHlSmiParser, HL_SMI_COLUMNS } from './hl-smi-parser.ts';

export interface HlSmiSensorOptions {
  /** For the child; its PATH is searched for the program. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

export function createHlSmiSensor({ env, clock }: HlSmiSensorOptions): Sensor {
  return createRowSensor({
    name: 'hl-smi',
    path: 'hl-smi',
    // In whole seconds: it takes no less.
    args: ['-Q', HL_SMI_COLUMNS.join(','), '-f', 'csv,noheader', '-l', '1'],
    periodMs: 1000,
    env,
    clock,
    createParser: createHlSmiParser,
    factsOf: ({ driverVersion }) => ({ driverVersion, powerSource: 'power.draw', powerMeaning: 'unknown' }),
    mend: () => null,
  });
}
