/** Lists page by `limit` and `cursor`: the cursor is the sort key of the last item, opaque to clients. */
import { z } from '@hono/zod-openapi';

export const MAX_PAGE = 200;

export const pageQuery = {
  limit: z.coerce
    .number('expected a whole number')
    .int('expected a whole number')
    .min(1, `expected 1 to ${MAX_PAGE}`)
    .max(MAX_PAGE, `expected 1 to ${MAX_PAGE}`)
    .default(50)
    .openapi({ description: 'How many items an answer holds at most.' }),
  cursor: cursorInput((key) => key),
};

/** Of lists that go on in each database from a place of its own: the cursor holds them all. */
export const pageOfPlacesQuery = { limit: pageQuery.limit, cursor: cursorInput(parsePlaces) };

/** @param parse null where the key is none of the list's */
function cursorInput<T>(parse: (key: string) => T | null) {
  return z
    .string()
    .max(1_000)
    .transform((text, context) => {
      const key = decodeCursor(text);
      const parsed = key === null ? null : parse(key);
      if (parsed !== null) return parsed;
      context.addIssue({ code: 'custom', message: 'expected the nextCursor of the page before' });
      return z.NEVER;
    })
    .optional()
    .openapi({
      type: 'string',
      description: 'The `nextCursor` of the page before; without it, the first page.',
    });
}

/** The sort key of such a list: numbers in order of the databases. */
export const placesKey = (places: readonly number[]): string => places.join('.');

function parsePlaces(key: string): number[] | null {
  const places = key.split('.').map(Number);
  return places.some(Number.isNaN) ? null : places;
}

export const nextCursorOutput = z
  .string()
  .nullable()
  .openapi({ description: 'Cursor of the next page; null on the last one.' });

export interface PageRequest {
  readonly limit: number;
  /** Sort key after which the page begins. */
  readonly after?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** Cuts a page from `limit + 1` rows: the extra one only tells that there is more. */
export function pageOf<T>(rows: readonly T[], limit: number, sortKey: (row: T) => string | number): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return {
    items,
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(sortKey(last)) : null,
  };
}

/** For lists that find the end of their page themselves. */
export const cursorOf = (key: string | number | null): string | null =>
  key === null ? null : encodeCursor(key);

function encodeCursor(key: string | number): string {
  return btoa(`v1:${key}`).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function decodeCursor(text: string): string | null {
  try {
    const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return plain.startsWith('v1:') ? plain.slice(3) : null;
  } catch {
    return null;
  }
}
