/** A meter of the whole node: one power, asked for in the background. */
import type { Meter } from '../../../shared/metering/reading.ts';
import { type Watts, watts } from '../../../shared/units.ts';
import type { MeasuringPoint, MeterFacts } from '../../../shared/wire/ingest.ts';
import type { Clock } from '../../clock.ts';
import { type Answer, createAskedSensor } from '../asked-sensor.ts';
import type { Outcome, Sensor } from '../sensor.ts';

/** Below the 10 s that integration bridges, with room for a late answer. */
const ASK_EVERY_MS = 8_000;

/** A node of eight GPUs draws 10 kW; the server refuses more as well. */
const MAX_NODE_WATTS = 30_000;

export interface NodePower {
  readonly powerWatts: Watts;
  /** What stands for the power, and where along the supply it is measured: told with every node meter. */
  readonly facts: MeterFacts & { readonly measuredAt: MeasuringPoint };
}

export interface NodeSensorOptions {
  readonly name: string;
  readonly clock: Clock;
  /** One bounded question for the node's power now; never throws. */
  readonly ask: (signal: AbortSignal) => Promise<Outcome<NodePower>>;
}

export function createNodeSensor({ name, clock, ask }: NodeSensorOptions): Sensor {
  async function askForReading(signal: AbortSignal): Promise<Outcome<Answer>> {
    const answer = await ask(signal);
    if (answer.state !== 'ready') return answer;
    const {
      value: { powerWatts, facts },
      detail,
    } = answer;
    // A host that runs draws power: 0 W is a fault of the meter, and nothing may be taken off it.
    if (powerWatts === 0)
      return { state: 'noData', detail: `says 0 W, which no running host draws (${detail})` };
    const meter = nodeMeter(name, facts);
    const reading = { meterId: meter.id, atMs: clock.monotonicNow(), powerWatts };
    return { state: 'ready', detail, value: { meters: [meter], readings: [reading] } };
  }

  return createAskedSensor({
    name,
    standsInFor: 'other',
    clock,
    everyMs: ASK_EVERY_MS,
    ask: askForReading,
  });
}

function nodeMeter(sensor: string, facts: MeterFacts): Meter {
  return {
    id: `${sensor}:node`,
    sensor,
    deviceId: 'other',
    deviceType: 'other',
    deviceName: 'rest of the host',
    scope: 'node',
    powerKind: 'integrated',
    maxPlausibleWatts: watts(MAX_NODE_WATTS),
    facts,
  };
}
