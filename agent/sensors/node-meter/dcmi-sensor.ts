/** The whole node by its management controller, through IPMI's DCMI power reading. */
import { watts } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import type { HostPaths } from '../../inventory/host-paths.ts';
import { listNames } from '../../inventory/read-text.ts';
import { type ProgramRun, runProgram } from '../run-program.ts';
import type { Outcome, Sensor } from '../sensor.ts';
import { type NodeMeterUse, SHARED_FIX, sharedChassis } from './chassis-sharing.ts';
import { parseDcmi } from './dcmi-parser.ts';
import { createNodeSensor, type NodePower } from './node-sensor.ts';

const DCMI_SENSOR = 'ipmi-dcmi';

/** Whichever is installed, the first one before the second. */
const PROGRAMS = [
  ['ipmitool', ['dcmi', 'power', 'reading']],
  ['ipmi-dcmi', ['--get-system-power-statistics']],
] as const;

/** The time stamp of a controller that measures moves: the same words for this long are a stuck one. */
const STUCK_AFTER_MS = 300_000;

const RIGHTS_FIX =
  'write KERNEL=="ipmi*", GROUP="wattshed", MODE="0660" into /etc/udev/rules.d/70-wattshed.rules, then run "udevadm control --reload && udevadm trigger" (the group may then do all that the controller can, switch the host off included); or set "nodeMeter" to "off"';

export interface DcmiSensorOptions {
  readonly paths: HostPaths;
  readonly clock: Clock;
  /** For the child; its PATH is searched for the program. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly use: NodeMeterUse;
}

export function createDcmiSensor({ paths, clock, env, use }: DcmiSensorOptions): Sensor {
  let same = { said: '', sinceMs: 0 };

  async function ask(signal: AbortSignal): Promise<Outcome<NodePower>> {
    if (use === 'off') return { state: 'absent', detail: 'switched off by "nodeMeter"' };
    const devices = await listNames(`${paths.sysRoot}/class/ipmi`);
    if (devices.length === 0)
      return {
        state: 'absent',
        detail: 'no management controller (or the modules ipmi_si and ipmi_devintf are not loaded)',
      };
    const shared = use === 'auto' ? await sharedChassis(paths) : null;
    if (shared !== null)
      return {
        state: 'noData',
        detail: `not used: this host is in ${shared}, whose meter may cover others`,
        fix: SHARED_FIX,
      };
    for (const [program, args] of PROGRAMS) {
      const run = await runProgram(program, args, { env, signal });
      if (run.ended !== 'ENOENT' && run.ended !== 'EACCES') return outcomeOf(program, run);
    }
    return {
      state: 'absent',
      detail:
        'there is a management controller, but neither ipmitool nor ipmi-dcmi (FreeIPMI) to ask it is installed',
    };
  }

  function outcomeOf(program: string, { ended, said }: ProgramRun): Outcome<NodePower> {
    if (ended === 'timeout') return { state: 'noData', detail: `${program} gave no answer within 5 s` };
    if (/permission denied|could not open device|must be root/i.test(said))
      return {
        state: 'noData',
        detail: `${program} may not ask the controller: ${said.trim().split('\n')[0]}`,
        fix: RIGHTS_FIX,
      };
    const reading = parseDcmi(said);
    if (!reading.ok) return { state: 'noData', detail: `${program}: ${reading.why}` };
    const nowMs = clock.monotonicNow();
    if (same.said !== said) same = { said, sinceMs: nowMs };
    if (nowMs - same.sinceMs > STUCK_AFTER_MS)
      return {
        state: 'noData',
        detail: `${program} has said the same for more than 5 min, time stamp included: the controller is stuck`,
      };
    return {
      state: 'ready',
      value: {
        powerWatts: watts(reading.powerWatts),
        facts: { powerSource: `${program}, now`, powerMeaning: 'instantaneous', measuredAt: 'unknown' },
      },
      detail: `the whole node by ${program}; where it is measured (AC in, DC out) DCMI does not tell`,
    };
  }

  return createNodeSensor({ name: DCMI_SENSOR, clock, ask });
}
