/**
 * Calls into a shared library without a native build of our own: `node:ffi` where this Node has it (26.1 and newer), else
 * koffi, as an optional dependency or as its one native file beside the agent's. Everything is passed as numbers and
 * buffers.
 */
import { fileURLToPath } from 'node:url';
import type { Outcome } from './sensors/sensor.ts';

/** `uint64` also carries opaque pointers (64-bit hosts only). */
export type ForeignType = 'uint32' | 'uint64' | 'buffer';
type ForeignFunction = (...args: readonly (number | bigint | Uint8Array)[]) => number;

export interface ForeignLibrary {
  /** Which way the calls go, for people: `node:ffi` or `koffi`. */
  readonly via: string;
  /** A function returning int; null where the library has no such symbol. */
  bind(symbol: string, parameters: readonly ForeignType[]): ForeignFunction | null;
}

/** A way to open libraries; null where this host lacks it. */
export type ForeignLoader = () => Promise<((path: string) => ForeignLibrary) | null>;

const FOREIGN_LOADERS: readonly ForeignLoader[] = [nodeFfi, koffi];

/**
 * Opens the first of the paths that loads.
 *
 * @returns absent where no path loads, failed where this host has no way to call a library
 */
export async function openForeignLibrary(
  paths: readonly string[],
  loaders: readonly ForeignLoader[] = FOREIGN_LOADERS,
): Promise<Outcome<ForeignLibrary>> {
  for (const loader of loaders) {
    const load = await loader();
    if (load === null) continue;
    const reasons: string[] = [];
    for (const path of paths) {
      try {
        const value = load(path);
        return { state: 'ready', value, detail: `${path} through ${value.via}` };
      } catch (error) {
        reasons.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return { state: 'absent', detail: reasons.join('; ') };
  }
  return {
    state: 'failed',
    detail: 'this Node cannot call shared libraries: it has no node:ffi, and koffi is not installed',
    fix: 'install the agent with install.sh, which brings koffi, or run it on Node 26.1 or newer',
  };
}

/** The part of `node:ffi` used here. The names of a signature's keys changed within Node 26: both are given. */
interface NodeFfi {
  readonly DynamicLibrary: new (
    path: string,
  ) => {
    getFunction(
      name: string,
      signature: {
        result: 'int32';
        parameters: readonly ForeignType[];
        return: 'int32';
        arguments: readonly ForeignType[];
      },
    ): (...args: readonly unknown[]) => number;
  };
}

async function nodeFfi(): Promise<((path: string) => ForeignLibrary) | null> {
  const ffi = process.getBuiltinModule?.('node:ffi') as unknown as NodeFfi | undefined;
  if (ffi === undefined) return null;
  return (path) => {
    const library = new ffi.DynamicLibrary(path);
    return {
      via: 'node:ffi',
      bind: (symbol, parameters) =>
        orNull(() => {
          const call = library.getFunction(symbol, {
            result: 'int32',
            parameters,
            return: 'int32',
            arguments: parameters,
          });
          return (...args) =>
            call(...args.map((arg, i) => (parameters[i] === 'uint64' ? BigInt(arg as bigint) : arg)));
        }),
    };
  };
}

/** What is used of koffi; its native file exports it as it is. */
interface Koffi {
  load(path: string): {
    func(name: string, result: string, parameters: readonly string[]): ForeignFunction;
  };
}

async function koffi(): Promise<((path: string) => ForeignLibrary) | null> {
  const api = koffiBeside(new URL('koffi.node', import.meta.url)) ?? (await koffiPackage());
  if (api === null) return null;
  const cType = { uint32: 'uint32_t', uint64: 'uint64_t', buffer: 'void *' } as const;
  return (path) => {
    const library = api.load(path);
    return {
      via: 'koffi',
      bind: (symbol, parameters) =>
        orNull(() =>
          library.func(
            symbol,
            'int',
            parameters.map((type) => cType[type]),
          ),
        ),
    };
  };
}

/** An installed agent brings no packages, only this one file of koffi. Null where it is missing or for another host. */
export function koffiBeside(file: URL): Koffi | null {
  const loaded = { exports: {} };
  try {
    process.dlopen(loaded, fileURLToPath(file));
  } catch {
    return null;
  }
  return loaded.exports as Koffi;
}

async function koffiPackage(): Promise<Koffi | null> {
  try {
    return (await import('koffi')) as unknown as Koffi;
  } catch {
    return null;
  }
}

/** Both ways throw for a symbol that the library lacks: older drivers have fewer. */
function orNull(bind: () => ForeignFunction): ForeignFunction | null {
  try {
    return bind();
  } catch {
    return null;
  }
}
