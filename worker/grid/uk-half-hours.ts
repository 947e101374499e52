/** The rows of the Carbon Intensity API of Great Britain, which several series are read from. Data: NESO, CC BY 4.0. */
import { z } from 'zod';
import type { ProviderHttp } from './http.ts';
import type { FetchFailure, SeriesRequest } from './provider.ts';

export const HALF_HOUR_MS = 1_800_000;

const replySchema = z.object({ data: z.array(z.unknown()) });
/** `2023-03-17T12:00Z`: no seconds. */
export const minuteSchema = z.iso.datetime({ precision: -1 });

export type HalfHoursReply =
  | { readonly ok: true; readonly rows: readonly unknown[] }
  | { readonly ok: false; readonly failure: FetchFailure };

/** What `/{resource}/{from}/{to}` answers, unread. */
export async function fetchHalfHours(
  resource: 'intensity' | 'generation',
  request: SeriesRequest,
  http: ProviderHttp,
): Promise<HalfHoursReply> {
  const rows: unknown[] = [];
  for (const { fromMs, toMs } of splitAtNewYear(request)) {
    const path = `/${resource}/${minute(fromMs)}/${minute(toMs)}`;
    const reply = await http.getJson(new URL(path, 'https://api.carbonintensity.org.uk'));
    if (!reply.ok) return reply;
    const parsed = replySchema.safeParse(reply.body);
    if (!parsed.success) {
      return { ok: false, failure: { outcome: 'failed', reason: 'the reply has no list "data"' } };
    }
    rows.push(...parsed.data.data);
  }
  return { ok: true, rows };
}

/** A range over the turn of a year is answered only up to it, so each year is asked for on its own. */
function splitAtNewYear({ fromMs, toMs }: SeriesRequest): { fromMs: number; toMs: number }[] {
  const newYearMs = Date.UTC(new Date(fromMs).getUTCFullYear() + 1, 0, 1);
  return newYearMs < toMs
    ? [
        { fromMs, toMs: newYearMs },
        { fromMs: newYearMs, toMs },
      ]
    : [{ fromMs, toMs }];
}

function minute(instantMs: number): string {
  return `${new Date(instantMs).toISOString().slice(0, 16)}Z`;
}
