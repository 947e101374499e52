/** `wattshed enroll`: an enrolment key in exchange for a token of this host's own. */
import { readFileSync } from 'node:fs';
import { sensorOptions } from '../../config/sensor-options.ts';
import { saveCredentials } from '../../enroll/credentials.ts';
import { EnrollError, enroll } from '../../enroll/enroll.ts';
import { createHttpClient, HttpError } from '../../http/http-client.ts';
import { hostFingerprints } from '../../inventory/fingerprints.ts';
import { readInventory } from '../../inventory/inventory.ts';
import { openSensors } from '../../sensors/sensor-set.ts';
import { AGENT_VERSION } from '../../version.ts';
import type { Command, Io, OptionValues } from '../command.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { checkedUrl } from '../server-url.ts';
import { settingsFor } from '../settings.ts';

export const enrollCommand: Command = {
  name: 'enroll',
  operands: [],
  summary: 'makes this host a node of a server',
  details: [
    'The enrolment key comes from --key-file, from the environment variable',
    'WATTSHED_ENROLMENT_KEY or from standard input, never from the command line,',
    "where every user of the host could read it. The host's own token is kept in",
    'the state directory, for its owner alone.',
  ].join('\n'),
  options: {
    url: { type: 'string', value: 'URL', about: 'the server, such as https://wattshed.example.org' },
    'key-file': { type: 'string', value: 'FILE', about: 'a file that holds the enrolment key' },
  },
  async run(io, options) {
    const { config } = settingsFor(io, options);
    const given = (options.url as string | undefined) ?? config.url;
    if (given === null) throw new CliError(EXIT.usage, 'wattshed enroll needs --url URL');
    const url = checkedUrl(given);
    try {
      const key = await enrolmentKey(io, options);
      const sensors = sensorOptions(config, io.env);
      const set = await openSensors(sensors);
      const { meters } = set;
      await set.close();
      const gpuUuids = meters.filter((meter) => meter.deviceType === 'gpu').map((meter) => meter.deviceId);
      const { hostname } = await readInventory(sensors.paths, meters);
      const fingerprints = await hostFingerprints(sensors.paths, [...new Set(gpuUuids)]);
      const http = createHttpClient({
        agentVersion: AGENT_VERSION,
        environment: io.env,
        caFile: config.caFile,
      });
      const enrolled = await enroll({
        http,
        url,
        key,
        body: { hostname, ...fingerprints, agentVersion: AGENT_VERSION },
      });
      await saveCredentials(config.stateDir, {
        url: enrolled.url,
        nodeId: enrolled.nodeId,
        token: enrolled.token,
      });
      io.out(
        `Enrolled as node ${enrolled.nodeId} at ${enrolled.url}, site ${enrolled.site}, grid zone ${enrolled.gridZone}.\nwattshed run starts metering.\n`,
      );
      return EXIT.ok;
    } catch (error) {
      throw explained(error);
    }
  },
};

async function enrolmentKey(io: Io, options: OptionValues): Promise<string> {
  const key = (await givenKey(io, options))?.trim() ?? '';
  if (key !== '') return key;
  throw new CliError(
    EXIT.usage,
    'wattshed enroll needs an enrolment key: on standard input, in a file named by --key-file, or in WATTSHED_ENROLMENT_KEY',
  );
}

async function givenKey(io: Io, options: OptionValues): Promise<string | null> {
  const file = options['key-file'];
  if (typeof file !== 'string') return io.env.WATTSHED_ENROLMENT_KEY ?? io.readStdin();
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(
      EXIT.usage,
      `the key file ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`,
    );
  }
}

function explained(error: unknown): unknown {
  if (error instanceof HttpError) return new CliError(EXIT.unreachable, error.message);
  if (error instanceof EnrollError) return new CliError(EXIT.notEnrolled, error.message);
  return error;
}
