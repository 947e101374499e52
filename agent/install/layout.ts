/** Where an installed agent keeps what. Everything below is gone after `wattshed uninstall`. */
import { join } from 'node:path';

export const SERVICE = 'wattshed';
/** The account that the service runs as. */
export const SERVICE_USER = 'wattshed';
/** Configuration, and the token that systemd hands to the service. */
export const CONFIG_DIRECTORY = '/etc/wattshed';
export const STATE_DIRECTORY = '/var/lib/wattshed';

export interface Layout {
  readonly programDirectory: string;
  /** A link to the current version's program. */
  readonly command: string;
  readonly configDirectory: string;
  readonly stateDirectory: string;
  readonly unitFile: string;
  /** Of a relay, which an operator sets up by hand and which runs the same program. */
  readonly relayUnitFile: string;
}

/** @param root `/`, or the folder of an image that is being made */
export function layoutUnder(root: string): Layout {
  return {
    programDirectory: join(root, '/opt/wattshed'),
    command: join(root, '/usr/local/bin/wattshed'),
    configDirectory: join(root, CONFIG_DIRECTORY),
    stateDirectory: join(root, STATE_DIRECTORY),
    unitFile: join(root, `/etc/systemd/system/${SERVICE}.service`),
    relayUnitFile: join(root, `/etc/systemd/system/${SERVICE}-relay.service`),
  };
}
