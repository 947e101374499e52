/** Which chassis resource of a Redfish service is this host. */
import { type NodeMeterUse, SHARED_FIX } from './chassis-sharing.ts';
import { type RedfishClient, RedfishError } from './redfish-client.ts';
import { type JsonObject, linkOf, linksOf, objectOf } from './redfish-power.ts';

export interface RedfishChassis {
  /** The last part of its address: `System.Embedded.1`, `1`. */
  readonly id: string;
  readonly environmentMetrics: string | null;
  readonly power: string | null;
}

/** A GPU baseboard alone shows some twenty chassis; more than this is no server. */
const MAX_CHASSIS = 64;

/** Chassis that are a part of a host by their type, whatever they are linked to. */
const PARTS = ['Zone', 'Module', 'Component', 'Card', 'Cartridge', 'Drawer', 'StorageEnclosure', 'Expansion'];

interface Candidate extends RedfishChassis {
  readonly systems: number;
  readonly type: string;
}

/**
 * @param wanted the id that the operator chose; null where there should be only one that can be meant
 * @throws RedfishError where none, several or a shared one is found
 */
export async function findChassis(
  client: RedfishClient,
  wanted: string | null,
  use: NodeMeterUse,
): Promise<RedfishChassis> {
  const links = linksOf((await client.get('/redfish/v1/Chassis')).Members);
  const ids = links.map(idOf);
  const chosen = wanted === null ? links : links.filter((link) => idOf(link) === wanted);
  if (chosen.length === 0)
    throw new RedfishError(
      `the controller has no chassis ${wanted ?? ''}; it has ${ids.join(', ') || 'none'}`.replace('  ', ' '),
      `set "redfishChassis" to one of: ${ids.join(', ')}`,
    );
  const found: Candidate[] = [];
  for (const link of chosen.slice(0, MAX_CHASSIS)) found.push(candidateOf(link, await client.get(link)));
  const hosts = found.filter((one) => one.systems > 0 && !PARTS.includes(one.type) && isMetered(one));
  const [only, ...others] = found.length === 1 ? found : hosts;
  if (only === undefined || others.length > 0)
    throw new RedfishError(
      `the controller has several chassis, of which ${hosts.length === 0 ? 'none is known to be' : 'any could be'} this host: ${ids.join(', ')}`,
      `set "redfishChassis" to the one that is this host: ${(hosts.length === 0 ? ids : hosts.map(({ id }) => id)).join(', ')}`,
    );
  if (use === 'auto' && only.systems > 1)
    throw new RedfishError(
      `chassis ${only.id} holds ${only.systems} systems: its meter is not used`,
      SHARED_FIX,
    );
  if (use === 'auto' && only.type === 'Enclosure')
    throw new RedfishError(
      `chassis ${only.id} is an enclosure of several hosts: its meter is not used`,
      SHARED_FIX,
    );
  return only;
}

function candidateOf(link: string, chassis: JsonObject): Candidate {
  return {
    id: idOf(link),
    environmentMetrics: linkOf(chassis.EnvironmentMetrics),
    power: linkOf(chassis.Power),
    systems: linksOf(objectOf(chassis.Links)?.ComputerSystems).length,
    type: String(chassis.ChassisType ?? ''),
  };
}

const isMetered = ({ environmentMetrics, power }: RedfishChassis) =>
  environmentMetrics !== null || power !== null;

const idOf = (link: string) => link.replace(/\/+$/, '').split('/').at(-1) ?? link;
