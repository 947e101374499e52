/**
 * Marginal operating emissions rate of WattTime, API v3, with the user's own account: what one kWh more would have the
 * plants emit that answer to it. Combustion only (so basis `direct`), five minutes. Source: WattTime; its terms are the
 * user's, and a free account has values for northern California alone: elsewhere it refuses.
 */
import { z } from 'zod';
import { DAY_MS, WINDOW_MS } from '../../shared/time/window.ts';
import { checkedSeries, type Row } from './checked-series.ts';
import { ofTheKey, type ProviderHttp } from './http.ts';
import type { FetchFailure, FetchOutcome, IntensityProvider, SeriesRequest } from './provider.ts';
import { regionsWith } from './watttime-regions.ts';

const SIGNAL_TYPE = 'co2_moer';
/** lb/MWh x 0.45359237 kg/lb = g/kWh. */
const KILOGRAMS_PER_POUND = 0.45359237;
// It once gave nothing but zeros for half a day.
const RULES = { stepMs: WINDOW_MS, mayBeAllZero: false };

const loginSchema = z.object({ token: z.string().min(1) });
const replySchema = z.object({
  data: z.array(z.unknown()),
  meta: z.object({
    region: z.string(),
    signal_type: z.string(),
    units: z.string(),
    data_point_period_seconds: z.number(),
    generated_at: z.iso.datetime({ offset: true }).nullish(),
  }),
});
const rowSchema = z.object({
  point_time: z.iso.datetime({ offset: true }),
  value: z.number().nullable(),
  imputed_data_used: z.boolean().nullish(),
  last_updated: z.iso.datetime({ offset: true }).nullish(),
});

export interface WattTimeAccount {
  readonly user: string;
  readonly password: string;
}

/** @param ownRegions the operator's own regions of zones; where they are wrong, each request fails with what to mend */
export function wattTime(account: WattTimeAccount, ownRegions = ''): IntensityProvider {
  const { regions, problem } = regionsWith(ownRegions);
  const asking =
    (ask: typeof fetchSeries) =>
    async (request: SeriesRequest, http: ProviderHttp): Promise<FetchOutcome> =>
      problem === null
        ? ask(request, http, account, regions.get(request.gridZone)!)
        : { outcome: 'failed', reason: problem.slice(0, 200) };
  return {
    name: 'watttime',
    basis: 'direct',
    signal: 'marginal',
    scope: 'consumption',
    refreshMs: WINDOW_MS,
    historyMs: 31 * DAY_MS,
    archiveMs: 366 * DAY_MS,
    covers: (gridZone) => regions.has(gridZone),
    fetchSeries: asking(fetchSeries),
    fetchForecast: asking(fetchForecast),
  };
}

async function fetchSeries(
  request: SeriesRequest,
  http: ProviderHttp,
  account: WattTimeAccount,
  region: string,
): Promise<FetchOutcome> {
  const range = {
    start: new Date(request.fromMs).toISOString(),
    end: new Date(request.toMs).toISOString(),
  };
  const reply = await getData('historical', region, range, http, account);
  return 'rows' in reply ? checkedSeries(reply.rows.map(toRow), request, RULES) : reply;
}

/** Up to 72 hours, new every five minutes. */
async function fetchForecast(
  request: SeriesRequest,
  http: ProviderHttp,
  account: WattTimeAccount,
  region: string,
): Promise<FetchOutcome> {
  const reply = await getData('forecast', region, { horizon_hours: '72' }, http, account);
  if (!('rows' in reply)) return reply;
  const rows = reply.rows.map((raw): Row => {
    const row = toRow(raw);
    if (row === null || 'unreadable' in row) return row;
    return { ...row, kind: 'forecast', method: null, issuedAtMs: reply.generatedAtMs };
  });
  return checkedSeries(rows, request, RULES);
}

/** Logs in, asks, and sees to it that the reply is of what was asked for. */
async function getData(
  resource: 'historical' | 'forecast',
  region: string,
  query: Record<string, string>,
  http: ProviderHttp,
  { user, password }: WattTimeAccount,
): Promise<{ readonly rows: readonly unknown[]; readonly generatedAtMs: number | null } | FetchFailure> {
  const credentials = base64(`${user}:${password}`);
  const login = await http.getJson(
    new URL('https://api.watttime.org/login'),
    { Authorization: `Basic ${credentials}` },
    [password, credentials],
  );
  // What it then refuses is a region that the account does not have.
  if (!login.ok) return ofTheKey(login.failure);
  const session = loginSchema.safeParse(login.body);
  if (!session.success) return { outcome: 'failed', reason: 'the reply to the login has no token' };
  const { token } = session.data;

  const url = new URL(`https://api.watttime.org/v3/${resource}`);
  url.search = new URLSearchParams({ region, signal_type: SIGNAL_TYPE, ...query }).toString();
  const reply = await http.getJson(url, { Authorization: `Bearer ${token}` }, [token, password]);
  if (!reply.ok) return reply.failure;
  const parsed = replySchema.safeParse(reply.body);
  if (!parsed.success) return { outcome: 'failed', reason: 'the reply has no list "data" with its "meta"' };
  const { meta, data } = parsed.data;
  const said = `${meta.region}, ${meta.signal_type}, ${meta.units}, ${meta.data_point_period_seconds} s`;
  const asked = `${region}, ${SIGNAL_TYPE}, lbs_co2_per_mwh, ${WINDOW_MS / 1000} s`;
  if (said !== asked) {
    return { outcome: 'failed', reason: `asked for ${asked}; the reply is of ${said}`.slice(0, 200) };
  }
  return { rows: data, generatedAtMs: meta.generated_at ? Date.parse(meta.generated_at) : null };
}

function toRow(raw: unknown): Row {
  const parsed = rowSchema.safeParse(raw);
  if (!parsed.success) return { unreadable: 'a row without point_time and value' };
  const { point_time, value, imputed_data_used, last_updated } = parsed.data;
  if (value === null) return null;
  return {
    startMs: Date.parse(point_time),
    gramsPerKwh: value * KILOGRAMS_PER_POUND,
    kind: imputed_data_used ? 'estimated' : 'measured',
    method: imputed_data_used ? 'imputed' : null,
    issuedAtMs: last_updated ? Date.parse(last_updated) : null,
  };
}

/** Of the UTF-8 bytes, which is what a password may be made of. */
function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
