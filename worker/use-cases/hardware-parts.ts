/** The embodied figure by what it is of, where nothing is asked of jobs: hardware ages whatever the ledger holds. */
import type { PartRow } from '../../shared/emissions/embodied-parts.ts';
import { DEFAULT_LOW_UTILIZATION_RATIO, EmissionsJoin } from '../../shared/emissions/join.ts';
import { ok, type Result } from '../http/problem.ts';
import { byKey, byNode } from '../storage/by-node.ts';
import { readNodeDevices } from '../storage/node-devices.ts';
import { type Shards, shardOfNode } from '../storage/shards.ts';
import { NodeFacts, nodesAtOnce } from './emissions-by-node.ts';
import { acceptsJobs, acceptsPlace } from './emissions-filter.ts';
import { askedAsKnown, findAsked } from './emissions-nodes.ts';
import { askedOf, type EmissionsQuery } from './emissions-query.ts';
import { devicesAsKnown } from './known-devices.ts';

/** The same that `withParts` tells with the figure, without any hour. Null where shares of jobs are asked for, which hours tell. */
export async function hardwareParts(
  shards: Shards,
  query: EmissionsQuery,
  nowMs: number,
): Promise<Result<readonly PartRow[] | null>> {
  const question = askedOf(query, nowMs);
  if (!question.ok) return question;
  const { range, terms } = question.value;
  if (!acceptsJobs(terms, query.jobNumbers, query.withinProjects ?? null).all) return ok(null);
  const found = await findAsked(shards, query, terms, null, () => true);
  if (!found.ok) return found;
  const settings = await found.value.settings();
  const asked = askedAsKnown(found.value, settings, range.knownAtMs);
  const facts = new NodeFacts(settings, range);
  const join = new EmissionsJoin({
    edges: [range.fromMs, range.toMs],
    nowMs: range.nowMs,
    withSeries: false,
    groupBy: null,
    accepts: (node, place) => acceptsPlace(node, place, terms),
    intensityOf: () => {
      throw new RangeError('without an hour nothing is charged');
    },
    supply: null,
    ofJobs: null,
    lowUtilizationRatio: DEFAULT_LOW_UTILIZATION_RATIO,
    withParts: true,
  });
  for (const [shard, own] of byKey(asked, ({ number }) => shardOfNode(number)))
    for (const some of nodesAtOnce(own))
      await shards.ask(shard, async (db) => {
        const numbers = some.map(({ number }) => number);
        const devices = byNode(await readNodeDevices(db, numbers));
        for (const node of await facts.prepare(db, some)) {
          const registered = devices.get(node.number) ?? [];
          join.addNode({ ...node, devices: devicesAsKnown(registered, [], range.knownAtMs) }, []);
        }
      });
  return ok(join.result().embodiedParts);
}
