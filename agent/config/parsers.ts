/** What several settings are: each throws an Error with what would be right. */

export function parsePath(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new Error('must be a path');
  return value;
}

export function parseText(value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '') throw new Error('must be a text');
  return value.trim();
}
