/** An operator's word of a hardware part: its dates, how many pieces it stands for, and what took its place. */
import { HOST_PARTS } from '../../shared/embodied/footprint.ts';
import { fail, ok, type Result } from '../http/problem.ts';
import { findNode } from '../storage/nodes.ts';
import { type PartWord, readParts, type StoredPart, writePartWord } from '../storage/parts.ts';
import type { Shards } from '../storage/shards.ts';
import type { Recorder } from './sites.ts';

export interface PartChange {
  readonly inServiceFromMs?: number | undefined;
  /** Null: it did not leave. */
  readonly outOfServiceMs?: number | null | undefined;
  /** Null: nothing took its place. */
  readonly replacedBy?: string | null | undefined;
  /** Null: as assumed. */
  readonly count?: number | null | undefined;
}

const COUNTED = new Set<string>(['memory', ...HOST_PARTS.map(({ type }) => type)]);

/** What is not named stays. Problems: `not_found`, `invalid_body`. */
export async function sayOfPart(
  shards: Shards,
  nodeId: string,
  partId: string,
  change: PartChange,
  recorder: Recorder,
): Promise<Result<null>> {
  const { nowMs } = recorder;
  const node = await findNode(shards, nodeId, nowMs);
  if (node === null) return fail('not_found', `No node has the id "${nodeId}".`, 'id');
  const db = shards.ofNode(node.number);
  const parts = await readParts(db, [node.number]);
  const part = parts.find(({ id }) => id === partId);
  if (part === undefined)
    return fail(
      'not_found',
      `The node has no part "${partId}"; GET /v1/nodes/${nodeId}/embodied lists them.`,
      'partId',
    );
  const word = wordOf(part, parts, change, nowMs);
  if (!word.ok) return word;
  const said = toSaid(word.value);
  const before = toSaid(part);
  if (JSON.stringify(said) === JSON.stringify(before)) return ok(null);
  const dates = [part.inServiceMs, word.value.inServiceMs];
  const ends = [part.outOfServiceMs ?? nowMs, word.value.outOfServiceMs ?? nowMs];
  // Another end touches only what lies behind the earlier of the two.
  const onlyEnds = dates[0] === dates[1] && part.count === word.value.count;
  await writePartWord(db, part, word.value, {
    recordedAtMs: nowMs,
    who: recorder.by,
    subject: `node:${nodeId}`,
    what: 'parts',
    from: [{ id: partId, ...before }],
    to: [{ id: partId, ...said }],
    effectiveFromMs: onlyEnds ? Math.min(...ends) : Math.min(...dates),
    effectiveToMs: null,
    why: recorder.why ?? null,
  });
  return ok(null);
}

function wordOf(
  part: StoredPart,
  parts: readonly StoredPart[],
  { inServiceFromMs, outOfServiceMs, replacedBy, count }: PartChange,
  nowMs: number,
): Result<PartWord> {
  const bad = (field: string, text: string) => fail('invalid_body', `/${field}: ${text}`, `/${field}`);
  if (count !== undefined && !COUNTED.has(part.type))
    return bad(
      'count',
      `a ${part.type} is one piece; give counts of memory, power supplies, chassis, motherboard and assembly.`,
    );
  const successor = replacedBy ? parts.find(({ id }) => id === replacedBy) : null;
  if (
    successor === undefined ||
    (successor !== null && (successor.id === part.id || successor.type !== part.type))
  )
    return bad('replacedBy', `expected the id of another ${part.type} of this node, not "${replacedBy}".`);
  if (inServiceFromMs !== undefined && part.agesFromMs !== null)
    return bad(
      'inServiceFrom',
      'it came from another node, where it was in service until then; change its date there.',
    );
  const inServiceMs = inServiceFromMs ?? part.inServiceMs;
  // A part whose place another took left when that one came, unless the operator knows better.
  const endMs =
    outOfServiceMs !== undefined ? outOfServiceMs : successor ? successor.inServiceMs : part.outOfServiceMs;
  if (inServiceMs > nowMs) return bad('inServiceFrom', 'must not be in the future.');
  if (endMs !== null && endMs > nowMs) return bad('outOfService', 'must not be in the future.');
  if (endMs !== null && endMs < inServiceMs)
    return bad('outOfService', 'must not be before it is in service.');
  if (endMs === null && successor) return bad('outOfService', 'a part that was replaced is out of service.');
  const [left] = part.absences[0] ?? [];
  if (left !== undefined && inServiceMs > left)
    return bad('inServiceFrom', 'it was away since then and came back; give a date before that.');
  const [, returned] = part.absences.at(-1) ?? [];
  if (returned !== undefined && endMs !== null && endMs < returned)
    return bad('outOfService', 'it came back then; give a date after that.');
  if (part.movedTo !== null && outOfServiceMs !== undefined && endMs !== part.outOfServiceMs)
    return bad(
      'outOfService',
      'it went on elsewhere then, where the rest of it accrues; end it there. It comes back by itself once this node reports it and the other does not.',
    );
  return ok({
    inServiceMs,
    inServiceAssumed: inServiceFromMs === undefined && part.inServiceAssumed,
    outOfServiceMs: endMs,
    count: count === undefined ? part.count : count,
    replacedBy: replacedBy !== undefined ? replacedBy : endMs === null ? null : part.replacedBy,
    movedTo: part.movedTo,
  });
}

const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

const toSaid = ({ inServiceMs, inServiceAssumed, outOfServiceMs, replacedBy, count }: PartWord) => ({
  inServiceFrom: iso(inServiceMs),
  inServiceAssumed,
  outOfService: iso(outOfServiceMs),
  replacedBy,
  count,
});
