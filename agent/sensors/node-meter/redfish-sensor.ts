/** The whole node by its management controller's web service (Redfish). Only where the operator names the controller. */
import { watts } from '../../../shared/units.ts';
import type { Clock } from '../../clock.ts';
import type { Outcome, Sensor } from '../sensor.ts';
import type { NodeMeterUse } from './chassis-sharing.ts';
import { createNodeSensor, type NodePower } from './node-sensor.ts';
import { findChassis, type RedfishChassis } from './redfish-chassis.ts';
import {
  createRedfishClient,
  type RedfishAccess,
  type RedfishClient,
  RedfishError,
} from './redfish-client.ts';
import { controlPower, environmentPower, type RedfishPower } from './redfish-power.ts';

const REDFISH_SENSOR = 'redfish';

export interface RedfishSensorOptions {
  readonly clock: Clock;
  readonly use: NodeMeterUse;
  /** Null where no controller is configured. */
  readonly access: RedfishAccess | null;
  /** The chassis that is this host, where the service shows several. */
  readonly chassis: string | null;
}

export function createRedfishSensor({ clock, use, access, chassis: wanted }: RedfishSensorOptions): Sensor {
  /** Known once it was found; forgotten after any failure, since controllers are replaced and renamed. */
  let chassis: RedfishChassis | null = null;

  async function ask(signal: AbortSignal): Promise<Outcome<NodePower>> {
    if (access === null) return { state: 'absent', detail: 'no controller is configured ("redfishUrl")' };
    if (use === 'off') return { state: 'absent', detail: 'switched off by "nodeMeter"' };
    try {
      const client = untilStopped(createRedfishClient(access), signal);
      chassis ??= await findChassis(client, wanted, use);
      const { powerWatts, property, point, meanOverMilliseconds } = await readPower(client, chassis);
      return {
        state: 'ready',
        value: {
          powerWatts: watts(powerWatts),
          facts: {
            powerSource: property,
            ...(meanOverMilliseconds === null
              ? { powerMeaning: 'instantaneous' }
              : { powerMeaning: 'mean', powerWindowMilliseconds: meanOverMilliseconds }),
            measuredAt: point,
          },
        },
        detail: `the whole node by chassis ${chassis.id} (${property}); where it is measured: ${POINT_TEXT[point]}`,
      };
    } catch (error) {
      chassis = null;
      if (!(error instanceof RedfishError)) return { state: 'failed', detail: String(error) };
      const { message, fix } = error;
      return { state: 'noData', detail: message, ...(fix !== null && { fix }) };
    }
  }

  return createNodeSensor({ name: REDFISH_SENSOR, clock, ask });
}

const POINT_TEXT = { acIn: 'AC in', dcOut: 'DC out', unknown: 'not told' } as const;

/** A controller may have dozens of chassis and take seconds for each: an agent that stops waits for one answer at most. */
function untilStopped(client: RedfishClient, signal: AbortSignal): RedfishClient {
  return {
    async get(path) {
      if (signal.aborted) throw new RedfishError('no longer asked');
      return client.get(path);
    },
  };
}

/** The newer resource first; many controllers have it and leave the power out. */
async function readPower(client: RedfishClient, chassis: RedfishChassis): Promise<RedfishPower> {
  const { id, environmentMetrics, power } = chassis;
  const newer = environmentMetrics === null ? null : environmentPower(await client.get(environmentMetrics));
  const found = newer ?? (power === null ? null : controlPower(await client.get(power)));
  if (found === null) throw new RedfishError(`chassis ${id} tells no power`);
  return found;
}
