/** What several commands take as the value of an option: durations, instants, numbers. Each throws what would be right. */
import type { OptionValues } from './command.ts';
import { CliError, EXIT } from './exit-codes.ts';

const UNIT_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const;
const DURATION = /^(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?$/;

/** Milliseconds of `4h`, `90m`, `1h30m`, `2d`, `45s`; null where the option is not given. */
export function durationOption(options: OptionValues, name: string): number | null {
  const value = options[name];
  if (value === undefined) return null;
  const ms = durationMs(String(value));
  if (ms === null)
    throw new CliError(EXIT.usage, `--${name} must be a duration such as 4h, 90m or 1h30m, not "${value}"`);
  return ms;
}

function durationMs(text: string): number | null {
  const [whole, ...counts] = DURATION.exec(text) ?? [];
  if (!whole) return null;
  const ms = Object.values(UNIT_MS).reduce((sum, unitMs, i) => sum + Number(counts[i] ?? 0) * unitMs, 0);
  return ms > 0 ? ms : null;
}

/** An instant with its zone, in epoch milliseconds; null where the option is not given. */
export function instantOption(options: OptionValues, name: string): number | null {
  const value = options[name];
  if (value === undefined) return null;
  const ms = instantMs(String(value));
  if (ms === null) {
    throw new CliError(
      EXIT.usage,
      `--${name} must be an instant with its zone, such as 2024-05-17T15:40:00Z`,
    );
  }
  return ms;
}

/** The same, or a duration from now. */
export function momentOption(options: OptionValues, name: string, nowMs: number): number | null {
  const value = options[name];
  if (value === undefined) return null;
  const inMs = durationMs(String(value));
  const ms = inMs === null ? instantMs(String(value)) : nowMs + inMs;
  if (ms === null) {
    throw new CliError(
      EXIT.usage,
      `--${name} must be a duration from now such as 24h, or an instant with its zone such as 2026-05-17T15:40:00Z, not "${value}"`,
    );
  }
  return ms;
}

function instantMs(text: string): number | null {
  const ms = /^\d{4}-\d{2}-\d{2}T.*(Z|[+-]\d{2}:\d{2})$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}

/** A number above zero; null where the option is not given. */
export function positiveOption(options: OptionValues, name: string, unit: string): number | null {
  const value = options[name];
  if (value === undefined) return null;
  const number = /^\d+(\.\d+)?$/.test(String(value)) ? Number(value) : 0;
  if (number <= 0)
    throw new CliError(EXIT.usage, `--${name} must be a number of ${unit} above zero, not "${value}"`);
  return number;
}

/** One of several words; the first is the default. */
export function wordOption<T extends string>(
  options: OptionValues,
  name: string,
  known: readonly [T, ...T[]],
): T {
  const value = options[name] ?? known[0];
  const found = known.find((one) => one === value);
  if (found === undefined)
    throw new CliError(EXIT.usage, `--${name} must be one of ${known.join(', ')}, not "${value}"`);
  return found;
}
