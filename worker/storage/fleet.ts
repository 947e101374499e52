/** Every node that ever was, as the join needs it. */

export interface FleetNode {
  readonly number: number;
  readonly id: string;
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly enrolledAtMs: number;
  /** Null while it is in the fleet; its past stays in the figures. */
  readonly retiredAtMs: number | null;
  /** `[retiredAtMs, enrolledAgainAtMs]` of each time that it came back. */
  readonly absences: readonly (readonly [number, number])[];
}

const READ_FLEET = `
  SELECT number, id, hostname, labels, enrolled_at_ms AS enrolledAtMs, retired_at_ms AS retiredAtMs, absences
  FROM nodes ORDER BY number`;

export async function readFleet(db: D1Database): Promise<FleetNode[]> {
  const { results } = await db
    .prepare(READ_FLEET)
    .all<Omit<FleetNode, 'labels' | 'absences'> & { labels: string; absences: string }>();
  return results.map((row) => ({
    ...row,
    labels: JSON.parse(row.labels),
    absences: JSON.parse(row.absences),
  }));
}

const READ_ENROLLED_AT = 'SELECT enrolled_at_ms AS enrolledAtMs FROM nodes WHERE number = ?1';

/** Null for a number that no node has. */
export async function readEnrolledAt(db: D1Database, nodeNumber: number): Promise<number | null> {
  const row = await db.prepare(READ_ENROLLED_AT).bind(nodeNumber).first<{ enrolledAtMs: number }>();
  return row?.enrolledAtMs ?? null;
}
