/** Every setting of the agent: one JSON file, each key also as an environment variable. The table in docs/agent.md is made from this. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { RAPL_LEVELS, type RaplLevel } from '../sensors/cpu/rapl-zones.ts';
import type { NodeMeterUse } from '../sensors/node-meter/chassis-sharing.ts';
import { DEFAULT_JOB_CONFIG, JOB_KEYS, type JobConfig } from './job-keys.ts';
import { type Listen, parseListen, parsePath, parseText } from './parsers.ts';

export interface Config extends JobConfig {
  readonly url: string | null;
  readonly stateDir: string;
  readonly enrolmentKeyFile: string | null;
  readonly hostname: string | null;
  readonly caFile: string | null;
  readonly tokenFile: string | null;
  readonly gridZone: string | null;
  readonly readEveryMilliseconds: number;
  /** Where the agent's own metrics are served; null: nowhere. */
  readonly metricsListen: Listen | null;
  readonly sysRoot: string;
  readonly procRoot: string;
  readonly nvmlLibrary: string | null;
  readonly nvidiaSmi: string;
  readonly dcgmExporter: string | null;
  readonly raplLevel: RaplLevel;
  readonly nodeMeter: NodeMeterUse;
  readonly redfishUrl: string | null;
  readonly redfishUser: string | null;
  readonly redfishPasswordFile: string | null;
  readonly redfishChassis: string | null;
  readonly redfishCaFile: string | null;
  readonly redfishInsecure: boolean;
}

export interface ConfigKey {
  readonly key: keyof Config;
  readonly env: string;
  readonly about: string;
  /** As shown to people. */
  readonly defaultText: string;
  /** @throws Error with what is wrong and what would be right */
  readonly parse: (value: unknown) => Config[keyof Config];
}

export const CONFIG_KEYS: readonly ConfigKey[] = [
  {
    key: 'url',
    env: 'WATTSHED_URL',
    about: 'Where reports go. `wattshed enroll` remembers it in the state directory; this one wins.',
    defaultText: 'as enrolled',
    parse: parseUrl,
  },
  {
    key: 'stateDir',
    env: 'WATTSHED_STATE_DIR',
    about: 'State, unacknowledged reports and the token (mode 0600). One agent per directory.',
    defaultText: '`/var/lib/wattshed` for root, else `$XDG_STATE_HOME/wattshed` or `~/.local/state/wattshed`',
    parse: parsePath,
  },
  {
    key: 'enrolmentKeyFile',
    env: 'WATTSHED_ENROLMENT_KEY_FILE',
    about: 'A file with an enrolment key: `wattshed run` enrols with it where there is no token.',
    defaultText: 'none',
    parse: parsePath,
  },
  {
    key: 'hostname',
    env: 'WATTSHED_HOSTNAME',
    about: "This host's name, for an agent in a container, whose own is another.",
    defaultText: 'as the kernel says',
    parse: parseText,
  },
  {
    key: 'caFile',
    env: 'WATTSHED_CA_FILE',
    about: "A PEM file of certificate authorities to trust beside Node's own.",
    defaultText: 'none',
    parse: parsePath,
  },
  {
    key: 'tokenFile',
    env: 'WATTSHED_TOKEN_FILE',
    about: 'A file with the token of `greenest`, `when-green` and `rules`; `WATTSHED_TOKEN` wins over it.',
    defaultText: "the host's own token, where it may ask",
    parse: parsePath,
  },
  {
    key: 'gridZone',
    env: 'WATTSHED_GRID_ZONE',
    about: 'The zone that `greenest` and `when-green` ask about, such as DE.',
    defaultText: "as the token has it: the zone of this host's site, else those of all sites",
    parse: parseText,
  },
  {
    key: 'readEveryMilliseconds',
    env: 'WATTSHED_READ_EVERY_MILLISECONDS',
    about: 'Time between two readings, 100 to 10000. Power is not integrated over more than 10 s.',
    defaultText: '1000',
    parse: parseInterval,
  },
  {
    key: 'metricsListen',
    env: 'WATTSHED_METRICS_LISTEN',
    about: "Address and port of the agent's own metrics, for a Prometheus on this host, or `off`.",
    defaultText: '127.0.0.1:9787',
    parse: parseListen,
  },
  {
    key: 'sysRoot',
    env: 'WATTSHED_SYS_ROOT',
    about: "Where the host's sysfs is mounted, for an agent in a container.",
    defaultText: '`/sys`',
    parse: parsePath,
  },
  {
    key: 'procRoot',
    env: 'WATTSHED_PROC_ROOT',
    about: "Where the host's procfs is mounted, for an agent in a container.",
    defaultText: '`/proc`',
    parse: parsePath,
  },
  {
    key: 'nvmlLibrary',
    env: 'WATTSHED_NVML_LIBRARY',
    about: 'The NVML library, where the dynamic linker does not find it.',
    defaultText: '`libnvidia-ml.so.1`',
    parse: parsePath,
  },
  {
    key: 'nvidiaSmi',
    env: 'WATTSHED_NVIDIA_SMI',
    about: 'The program that stands in where the library cannot be called.',
    defaultText: '`nvidia-smi` from PATH',
    parse: parsePath,
  },
  {
    key: 'dcgmExporter',
    env: 'WATTSHED_DCGM_EXPORTER',
    about:
      "Where this host's dcgm-exporter serves its metrics, such as http://127.0.0.1:9400/metrics: read where NVML cannot be called.",
    defaultText: 'none',
    parse: parseUrl,
  },
  {
    key: 'raplLevel',
    env: 'WATTSHED_RAPL_LEVEL',
    about:
      'Which RAPL domains are summed: `packages` and their DRAM, or `psys` alone, where you know what it covers on your board.',
    defaultText: '`packages`',
    parse: parseRaplLevel,
  },
  {
    key: 'nodeMeter',
    env: 'WATTSHED_NODE_METER',
    about:
      'Meters of the whole node: `auto` uses one unless its chassis may hold other hosts, `node` says that it covers this host alone, `off` uses none.',
    defaultText: '`auto`',
    parse: parseNodeMeter,
  },
  {
    key: 'redfishUrl',
    env: 'WATTSHED_REDFISH_URL',
    about: "The management controller's address, to read this host's power from Redfish.",
    defaultText: 'none',
    parse: parseUrl,
  },
  {
    key: 'redfishUser',
    env: 'WATTSHED_REDFISH_USER',
    about: 'An account of the controller that may log in and read, and nothing else.',
    defaultText: 'none',
    parse: parseText,
  },
  {
    key: 'redfishPasswordFile',
    env: 'WATTSHED_REDFISH_PASSWORD_FILE',
    about: 'A file that holds its password, readable by the agent alone.',
    defaultText: 'none',
    parse: parsePath,
  },
  {
    key: 'redfishChassis',
    env: 'WATTSHED_REDFISH_CHASSIS',
    about: 'Which chassis is this host, where the controller shows several.',
    defaultText: 'the only one that can be',
    parse: parseText,
  },
  {
    key: 'redfishCaFile',
    env: 'WATTSHED_REDFISH_CA_FILE',
    about: "A PEM file with the controller's certificate or its authority.",
    defaultText: 'none',
    parse: parsePath,
  },
  {
    key: 'redfishInsecure',
    env: 'WATTSHED_REDFISH_INSECURE',
    about: 'Takes any certificate of the controller. Whoever is on the way can then read the password.',
    defaultText: '`false`',
    parse: parseBoolean,
  },
  ...JOB_KEYS,
];

export function defaultConfig(env: NodeJS.ProcessEnv, uid: number | undefined): Config {
  const stateHome = env.XDG_STATE_HOME || join(env.HOME || homedir(), '.local/state');
  return {
    url: null,
    stateDir: uid === 0 ? '/var/lib/wattshed' : join(stateHome, 'wattshed'),
    enrolmentKeyFile: null,
    hostname: null,
    caFile: null,
    tokenFile: null,
    gridZone: null,
    readEveryMilliseconds: 1000,
    metricsListen: { host: '127.0.0.1', port: 9787 },
    sysRoot: '/sys',
    procRoot: '/proc',
    nvmlLibrary: null,
    nvidiaSmi: 'nvidia-smi',
    dcgmExporter: null,
    raplLevel: 'packages',
    nodeMeter: 'auto',
    redfishUrl: null,
    redfishUser: null,
    redfishPasswordFile: null,
    redfishChassis: null,
    redfishCaFile: null,
    redfishInsecure: false,
    ...DEFAULT_JOB_CONFIG,
  };
}

function parseUrl(value: unknown): string {
  const text = typeof value === 'string' ? value : '';
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new Error('must be an address such as https://wattshed.example.org');
  if (url.username !== '' || url.search !== '' || url.hash !== '')
    throw new Error('must be a bare address, without a user, a query or a fragment');
  return url.href.replace(/\/+$/, '');
}

function parseRaplLevel(value: unknown): RaplLevel {
  const level = RAPL_LEVELS.find((one) => one === value);
  if (level === undefined) throw new Error(`must be one of ${RAPL_LEVELS.join(', ')}`);
  return level;
}

function parseNodeMeter(value: unknown): NodeMeterUse {
  if (value !== 'auto' && value !== 'node' && value !== 'off')
    throw new Error('must be one of auto, node, off');
  return value;
}

function parseBoolean(value: unknown): boolean {
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw new Error('must be true or false');
}

function parseInterval(value: unknown): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 100 || number > 10_000)
    throw new Error('must be a whole number from 100 to 10000');
  return number;
}
