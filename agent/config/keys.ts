/** Every setting of the agent: one JSON file, each key also as an environment variable. The table in docs/agent.md is made from this. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface Config {
  readonly url: string | null;
  readonly stateDir: string;
  readonly caFile: string | null;
  readonly readEveryMilliseconds: number;
  readonly sysRoot: string;
  readonly procRoot: string;
  readonly nvmlLibrary: string | null;
  readonly nvidiaSmi: string;
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
    key: 'caFile',
    env: 'WATTSHED_CA_FILE',
    about: "A PEM file of certificate authorities to trust beside Node's own.",
    defaultText: 'none',
    parse: parsePath,
  },
  {
    key: 'readEveryMilliseconds',
    env: 'WATTSHED_READ_EVERY_MILLISECONDS',
    about: 'Time between two readings, 100 to 10000. Power is not integrated over more than 10 s.',
    defaultText: '1000',
    parse: parseInterval,
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
];

export function defaultConfig(env: NodeJS.ProcessEnv, uid: number | undefined): Config {
  const stateHome = env.XDG_STATE_HOME || join(env.HOME || homedir(), '.local/state');
  return {
    url: null,
    stateDir: uid === 0 ? '/var/lib/wattshed' : join(stateHome, 'wattshed'),
    caFile: null,
    readEveryMilliseconds: 1000,
    sysRoot: '/sys',
    procRoot: '/proc',
    nvmlLibrary: null,
    nvidiaSmi: 'nvidia-smi',
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

function parsePath(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new Error('must be a path');
  return value;
}

function parseInterval(value: unknown): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 100 || number > 10_000)
    throw new Error('must be a whole number from 100 to 10000');
  return number;
}
