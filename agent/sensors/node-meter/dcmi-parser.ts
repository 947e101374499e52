/** What `ipmitool dcmi power reading` and FreeIPMI's `ipmi-dcmi --get-system-power-statistics` print. */

export type DcmiReading =
  | { readonly ok: true; readonly powerWatts: number }
  | { readonly ok: false; readonly why: string };

const POWER = /^\s*(?:instantaneous power reading|current power)\s*:\s*(\d+(?:\.\d+)?)\s*watts\s*$/im;
const STATE = /^\s*(?:power reading state is|power measurement)\s*:\s*(\S.*?)\s*$/im;

/**
 * Minimum, maximum, average and time stamp are left alone: controllers give absurd ones beside a sound power. A power
 * beside any other state than active is a stale one.
 */
export function parseDcmi(said: string): DcmiReading {
  const state = STATE.exec(said)?.[1];
  if (state === undefined) return { ok: false, why: `no power reading: ${lastLine(said)}` };
  if (!/^activ(e|ated)$/i.test(state)) return { ok: false, why: `power measurement is ${state}` };
  const power = POWER.exec(said)?.[1];
  return power === undefined
    ? { ok: false, why: 'active, but gives no power' }
    : { ok: true, powerWatts: Number(power) };
}

function lastLine(said: string): string {
  return said.trim().split('\n').at(-1)?.trim() || 'it said nothing';
}
