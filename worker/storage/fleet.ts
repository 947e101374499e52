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

const SELECT_NODES = `
  SELECT number, id, hostname, labels, enrolled_at_ms AS enrolledAtMs, retired_at_ms AS retiredAtMs, absences
  FROM nodes`;
const READ_FLEET = `${SELECT_NODES} ORDER BY number`;
const READ_NODES = `${SELECT_NODES} WHERE number IN (SELECT value FROM json_each(?1)) ORDER BY number`;

export async function readFleet(db: D1Database): Promise<FleetNode[]> {
  return toNodes(await db.prepare(READ_FLEET).all<NodeRow>());
}

/** The same of some of them. */
export async function readFleetNodes(db: D1Database, nodeNumbers: readonly number[]): Promise<FleetNode[]> {
  return toNodes(await db.prepare(READ_NODES).bind(JSON.stringify(nodeNumbers)).all<NodeRow>());
}

type NodeRow = Omit<FleetNode, 'labels' | 'absences'> & {
  readonly labels: string;
  readonly absences: string;
};

function toNodes({ results }: D1Result<NodeRow>): FleetNode[] {
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
