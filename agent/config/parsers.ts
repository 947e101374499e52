/** What several settings are: each throws an Error with what would be right. */

export function parsePath(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new Error('must be a path');
  return value;
}

export function parseText(value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '') throw new Error('must be a text');
  return value.trim();
}

export interface Listen {
  readonly host: string;
  readonly port: number;
}

/** Null for `off`. */
export function parseListen(value: unknown): Listen | null {
  if (value === 'off') return null;
  const [, bracketed, plain, portText] =
    /^(?:\[([0-9a-f:]+)\]|([^:\s]+)):(\d{1,5})$/i.exec(typeof value === 'string' ? value : '') ?? [];
  const host = bracketed ?? plain;
  const port = Number(portText);
  if (host === undefined || port > 65_535)
    throw new Error('must be an address and a port such as 127.0.0.1:9787, or off');
  return { host, port };
}
