/** Nodes of which other hardware is known than was at an earlier instant. */

const READ = `
  SELECT number FROM nodes
   WHERE number IN (SELECT node_number FROM node_devices WHERE first_seen_at_ms > ?1) AND enrolled_at_ms < ?2
   UNION
  SELECT number FROM nodes
   WHERE id IN (SELECT substr(subject, 6) FROM changes WHERE what = 'parts' AND recorded_at_ms > ?1) AND enrolled_at_ms < ?2`;

/**
 * Looks at all devices: for what is rarely asked.
 * @returns numbers of those that had enrolled by `untilMs` and have a device or part of which something was recorded after `afterMs`
 */
export async function readNodesOfOtherHardware(
  db: D1Database,
  afterMs: number,
  untilMs: number,
): Promise<number[]> {
  const { results } = await db.prepare(READ).bind(afterMs, untilMs).all<{ number: number }>();
  return results.map(({ number }) => number);
}
