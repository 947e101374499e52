/** What our own forecasts have learned: one array of doubles per series, quarter of the day and generation. */

/** A row without its array. */
export interface ForecastStateHead {
  readonly seriesId: number;
  /** 0, 6, 12 or 18: the UTC hour that its days end at. */
  readonly hourOfDay: number;
  readonly generation: number;
  readonly model: string;
  /** Steps so far. */
  readonly version: number;
  /** Hours since 1970. */
  readonly sinceHour: number;
  readonly learnedUntilHour: number;
  readonly unitGramsPerKwh: number;
}

const ROWS_PER_SERIES = 8;
const keyOf = ({ seriesId, hourOfDay, generation }: ForecastStateHead) =>
  seriesId * ROWS_PER_SERIES + (hourOfDay / 6) * 2 + (generation % 2);

const READ_HEADS = `
  SELECT key / ${ROWS_PER_SERIES} AS seriesId, key % ${ROWS_PER_SERIES} / 2 * 6 AS hourOfDay, generation, model, version,
         since_hour AS sinceHour, learned_until_hour AS learnedUntilHour, unit_grams_per_kwh AS unitGramsPerKwh
    FROM grid_forecast_states ORDER BY key`;

/** Of every series: tens of rows. */
export async function readForecastStateHeads(db: D1Database): Promise<ForecastStateHead[]> {
  return (await db.prepare(READ_HEADS).all<ForecastStateHead>()).results;
}

const READ_STATE = `
  SELECT state FROM grid_forecast_states WHERE key = ?1 AND generation = ?2 AND model = ?3 AND version = ?4`;

/** Null where another run has gone on since the head was read. */
export async function readForecastState(
  db: D1Database,
  head: ForecastStateHead,
): Promise<Float64Array | null> {
  const row = await db
    .prepare(READ_STATE)
    .bind(keyOf(head), head.generation, head.model, head.version)
    .first<{ readonly state: string }>();
  return row && decodeDoubles(row.state);
}

/** The first step of a generation; in the place of the one before the last, or of another model's. */
const BEGIN = `
  INSERT INTO grid_forecast_states (key, generation, model, version, since_hour, learned_until_hour, unit_grams_per_kwh, state)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (key) DO UPDATE
     SET generation = excluded.generation, model = excluded.model, version = excluded.version,
         since_hour = excluded.since_hour, learned_until_hour = excluded.learned_until_hour,
         unit_grams_per_kwh = excluded.unit_grams_per_kwh, state = excluded.state
   WHERE grid_forecast_states.generation < excluded.generation OR grid_forecast_states.model <> excluded.model`;
const GO_ON = `
  UPDATE grid_forecast_states SET version = ?4, learned_until_hour = ?5, state = ?6
   WHERE key = ?1 AND generation = ?2 AND model = ?3 AND version = ?4 - 1`;

/** Keeps what a step has learned, unless another run has taken that step: then it changes nothing. */
export async function keepForecastState(
  db: D1Database,
  head: ForecastStateHead,
  state: Float64Array,
): Promise<void> {
  const { generation, model, version, sinceHour, learnedUntilHour, unitGramsPerKwh } = head;
  const which = [keyOf(head), generation, model, version];
  const statement =
    version === 1
      ? db.prepare(BEGIN).bind(...which, sinceHour, learnedUntilHour, unitGramsPerKwh, encodeDoubles(state))
      : db.prepare(GO_ON).bind(...which, learnedUntilHour, encodeDoubles(state));
  await statement.run();
}

const FORGET = 'DELETE FROM grid_forecast_states WHERE generation < ?1';

/** Lets go of what series taught that are no longer forecast. */
export async function forgetForecastStates(db: D1Database, beforeGeneration: number): Promise<void> {
  await db.prepare(FORGET).bind(beforeGeneration).run();
}

/** As many as a call takes for arguments without trouble. */
const CHUNK_BYTES = 0x8000;

function encodeDoubles(values: Float64Array): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let binary = '';
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES)
    binary += String.fromCharCode(...bytes.subarray(start, start + CHUNK_BYTES));
  return btoa(binary);
}

function decodeDoubles(text: string): Float64Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = binary.charCodeAt(index);
  return new Float64Array(bytes.buffer);
}
