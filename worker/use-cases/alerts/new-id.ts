import { toHex } from '../../storage/hex.ts';

/** `rule_5f2c1b7a9d3e4f60`: 64 random bits. */
export function newAlertId(what: 'rule' | 'silence'): string {
  return `${what}_${toHex(crypto.getRandomValues(new Uint8Array(8)))}`;
}
