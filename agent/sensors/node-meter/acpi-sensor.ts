/** The whole node by the firmware's own power meter (ACPI000D, hwmon `power_meter`). */
import { watts } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import type { HostPaths } from '../../inventory/host-paths.ts';
import { listNames, readText, readTextOrEmpty } from '../../inventory/read-text.ts';
import type { Outcome, Sensor } from '../sensor.ts';
import { type NodeMeterUse, SHARED_FIX, sharedChassis } from './chassis-sharing.ts';
import { createNodeSensor, type NodePower } from './node-sensor.ts';

const ACPI_SENSOR = 'acpi-power-meter';

export interface AcpiSensorOptions {
  readonly paths: HostPaths;
  readonly clock: Clock;
  readonly use: NodeMeterUse;
}

interface AcpiMeter {
  readonly folder: string;
  /** What the maker calls it: `Module Power Socket 0` on Grace; often empty. */
  readonly oemInfo: string;
}

export function createAcpiSensor({ paths, clock, use }: AcpiSensorOptions): Sensor {
  async function ask(): Promise<Outcome<NodePower>> {
    if (use === 'off') return { state: 'absent', detail: 'switched off by "nodeMeter"' };
    const meters = await findMeters(paths);
    const [meter] = meters;
    if (meter === undefined)
      return { state: 'absent', detail: `no power_meter in ${paths.sysRoot}/class/hwmon` };
    // Several are parts of a node (Grace: module, CPU, I/O), and so is one that says so.
    const names = meters.map(({ oemInfo }) => oemInfo).filter(Boolean);
    if (meters.length > 1 || /socket|cpu|grace|module|sysio|dimm|memory/i.test(meter.oemInfo))
      return {
        state: 'absent',
        detail: `no meter of the whole node: ${meters.length} of parts (${names.join(', ') || 'without names'})`,
      };
    const shared = use === 'auto' ? await sharedChassis(paths) : null;
    if (shared !== null)
      return {
        state: 'noData',
        detail: `not used: this host is in ${shared}, whose meter may cover others`,
        fix: SHARED_FIX,
      };
    return readMeter(meter);
  }

  return createNodeSensor({ name: ACPI_SENSOR, clock, ask });
}

async function findMeters({ sysRoot }: HostPaths): Promise<AcpiMeter[]> {
  const meters: AcpiMeter[] = [];
  for (const name of await listNames(`${sysRoot}/class/hwmon`)) {
    const hwmon = `${sysRoot}/class/hwmon/${name}`;
    if ((await readTextOrEmpty(`${hwmon}/name`)) !== 'power_meter') continue;
    // Older kernels keep the files with the ACPI device.
    const folder = (await readText(`${hwmon}/power1_average`)).ok ? hwmon : `${hwmon}/device`;
    // A meter of a battery tells what flows through that.
    if ((await readTextOrEmpty(`${folder}/power1_is_battery`)) === '1') continue;
    meters.push({ folder, oemInfo: await readTextOrEmpty(`${folder}/power1_oem_info`) });
  }
  return meters;
}

async function readMeter({ folder, oemInfo }: AcpiMeter): Promise<Outcome<NodePower>> {
  const average = await readText(`${folder}/power1_average`);
  if (!average.ok)
    return { state: 'noData', detail: `${folder}/power1_average cannot be read (${average.code})` };
  if (!/^\d+$/.test(average.text))
    return { state: 'noData', detail: `${folder}/power1_average says "${average.text}"` };
  const power = Number(average.text) / 1e6;
  const intervalMs = await readTextOrEmpty(`${folder}/power1_average_interval`);
  const windowMs = /^[1-9]\d*$/.test(intervalMs) ? Number(intervalMs) : null;
  const over = windowMs === null ? '' : `, a mean over ${windowMs / 1000} s`;
  const maker = oemInfo === '' ? '' : ` ("${oemInfo}")`;
  return {
    state: 'ready',
    value: {
      powerWatts: watts(power),
      facts: {
        powerSource: 'power1_average',
        powerMeaning: 'mean',
        ...(windowMs !== null && { powerWindowMilliseconds: windowMs }),
        measuredAt: 'unknown',
      },
    },
    detail: `the whole node by ACPI${maker}${over}; where it is measured (AC in, DC out) ACPI does not tell`,
  };
}
