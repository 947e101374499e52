/** Enrolment as `enroll` and `install` do it: the key from where it may be, this host's fingerprints, the reply. */
import { readFileSync } from 'node:fs';
import type { Config } from '../config/keys.ts';
import { sensorOptions } from '../config/sensor-options.ts';
import { EnrollError, type Enrolment, enroll } from '../enroll/enroll.ts';
import { createHttpClient, HttpError } from '../http/http-client.ts';
import { hostFingerprints } from '../inventory/fingerprints.ts';
import { readInventory } from '../inventory/inventory.ts';
import { openSensors } from '../sensors/sensor-set.ts';
import { AGENT_VERSION } from '../version.ts';
import type { Io, Option, OptionValues } from './command.ts';
import { CliError, EXIT } from './exit-codes.ts';

/** Options of every command that enrols. */
export const ENROL_OPTIONS: { readonly [name: string]: Option } = {
  url: { type: 'string', value: 'URL', about: 'the server, such as https://wattshed.example.org' },
  'key-file': { type: 'string', value: 'FILE', about: 'a file that holds the enrolment key' },
};

/** The server's bound. */
const MAX_GPU_IDS = 64;

/** The enrolment key, or null where none is given. Never from the command line: every user could read it there. */
export async function givenKey(io: Io, options: OptionValues): Promise<string | null> {
  const file = options['key-file'];
  const key =
    typeof file === 'string' ? keyIn(file) : (io.env.WATTSHED_ENROLMENT_KEY ?? (await io.readStdin()));
  return key?.trim() || null;
}

function keyIn(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(EXIT.usage, `the key file ${file} cannot be read (${code})`);
  }
}

/** @throws CliError with exit code `notEnrolled` or `unreachable` */
export async function enrolHost(io: Io, config: Config, url: string, key: string): Promise<Enrolment> {
  try {
    const sensors = sensorOptions(config, io.env);
    const set = await openSensors(sensors);
    const { meters } = set;
    await set.close();
    const gpus = meters.filter((meter) => meter.deviceType === 'gpu').map((meter) => meter.deviceId);
    const gpuIds = [...new Set(gpus)];
    const { hostname } = await readInventory(sensors.paths, meters, config.hostname);
    const fingerprints = await hostFingerprints(sensors.paths, gpuIds);
    const http = createHttpClient({
      agentVersion: AGENT_VERSION,
      environment: io.env,
      caFile: config.caFile,
    });
    return await enroll({
      http,
      url,
      key,
      body: {
        hostname,
        ...fingerprints,
        agentVersion: AGENT_VERSION,
        gpuIds: gpuIds.slice(0, MAX_GPU_IDS),
      },
    });
  } catch (error) {
    if (error instanceof HttpError) throw new CliError(EXIT.unreachable, error.message);
    if (error instanceof EnrollError)
      throw new CliError(error.mayPass ? EXIT.unreachable : EXIT.notEnrolled, error.message);
    throw error;
  }
}
