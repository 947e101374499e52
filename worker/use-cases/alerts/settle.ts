/** From the episodes that the windows tell to rows and notifications, for one rule. */
import { episodeId } from '../../../shared/alerts/episode-id.ts';
import type { RuleFold } from '../../../shared/alerts/fold.ts';
import type { Span } from '../../../shared/alerts/machine.ts';
import { notificationOf } from '../../../shared/alerts/message.ts';
import type { AlertNotification } from '../../../shared/alerts/notification.ts';
import { type Episode, type Reconciled, reconcile } from '../../../shared/alerts/reconcile.ts';
import type { AlertRule } from '../../../shared/alerts/rule.ts';
import type { Scope } from '../../../shared/alerts/scope.ts';
import { isSilenced, type Silence } from '../../../shared/alerts/silence.ts';
import type { Situation } from '../../../shared/alerts/situation.ts';
import { dueTransitions, type Transition } from '../../../shared/alerts/transitions.ts';
import type { EpisodeWrite } from '../../storage/alert-episodes.ts';
import type { StoredState } from '../../storage/alert-states.ts';

export interface SettleContext {
  /** Where the folded windows begin: the head, or the checkpoint where the past was folded again. */
  readonly fromMs: number;
  readonly headMs: number;
  readonly toMs: number;
  /** Episodes that were over by then are never corrected again. */
  readonly keepFromMs: number;
  readonly nowMs: number;
  readonly silences: readonly Silence[];
  readonly situationOf: (instance: string) => Situation;
}

export interface Settled {
  readonly episodes: StoredState['episodes'];
  readonly writes: readonly EpisodeWrite[];
  readonly notifications: readonly AlertNotification[];
}

interface Subject {
  readonly rule: AlertRule;
  readonly ruleId: string;
  readonly scope: Scope;
}

export function settle(
  subject: Subject,
  before: StoredState['episodes'],
  fold: RuleFold,
  context: SettleContext,
): Settled {
  const spansOf = fold.spans;
  return settleAll(
    subject,
    before,
    new Set([...Object.keys(before), ...spansOf.keys()]),
    context,
    (instance, known) => {
      // What was over before the windows folded is not in them.
      const touched = known.filter(
        ({ resolvedAtMs }) => resolvedAtMs === null || resolvedAtMs > context.fromMs,
      );
      const spans: readonly Span[] = spansOf.get(instance) ?? [];
      const results = reconcile(touched, spans, {
        headMs: context.headMs,
        nowMs: context.nowMs,
        idOf: (firedAtMs) => episodeId(subject.ruleId, subject.scope.text, instance, firedAtMs),
      });
      const untouched = known.filter((episode) => !touched.includes(episode));
      return [...untouched.map((episode) => ({ episode, corrections: [], isNew: false })), ...results];
    },
  );
}

/** A rule that was changed, switched off or removed: what is open of it ends here. */
export function endAll(subject: Subject, before: StoredState['episodes'], context: SettleContext): Settled {
  return settleAll(subject, before, new Set(Object.keys(before)), context, (_, known) =>
    known.map((episode) =>
      episode.resolvedAtMs !== null
        ? { episode, corrections: [], isNew: false }
        : {
            isNew: false,
            episode: { ...episode, endMs: context.toMs, resolvedAtMs: context.toMs },
            corrections: [
              {
                kind: 'ruleChanged',
                recordedAtMs: context.nowMs,
                startMs: episode.startMs,
                endMs: null,
              } as const,
            ],
          },
    ),
  );
}

function settleAll(
  { rule, ruleId, scope }: Subject,
  before: StoredState['episodes'],
  instances: ReadonlySet<string>,
  context: SettleContext,
  reviewed: (instance: string, known: readonly Episode[]) => readonly Reconciled[],
): Settled {
  const episodes: Record<string, Episode[]> = {};
  const writes: EpisodeWrite[] = [];
  const notifications: AlertNotification[] = [];
  for (const instance of instances) {
    const known = new Map((before[instance] ?? []).map((episode) => [episode.id, episode]));
    const target = { ruleName: rule.name, terms: scope.terms, instance };
    const kept: Episode[] = [];
    for (const { episode: found, corrections, isNew } of reviewed(instance, [...known.values()])) {
      const { episode, due } = dueTransitions(found, {
        headMs: context.headMs,
        toMs: context.toMs,
        renotifyMinutes: rule.renotifyMinutes,
        silencedAt: (atMs) => isSilenced(context.silences, target, atMs),
      });
      const tell = (transition: Transition) =>
        notificationOf({
          rule,
          ruleId,
          scope: scope.text,
          instance,
          episode,
          transition,
          situation: context.situationOf(instance),
        });
      const told = due.map(tell);
      notifications.push(...told);
      if (episode.resolvedAtMs === null || episode.resolvedAtMs > context.keepFromMs) kept.push(episode);
      if (JSON.stringify(episode) === JSON.stringify(known.get(episode.id)) && corrections.length === 0)
        continue;
      writes.push({
        episode,
        ruleId,
        ruleName: rule.name,
        severity: rule.severity,
        kind: rule.kind,
        scope: scope.text,
        instance,
        corrections,
        // One that nobody is told of is still worth a text where it is listed.
        told: told.at(-1) ?? (isNew ? tell({ kind: 'firing', id: episode.id, atMs: context.toMs }) : null),
      });
    }
    if (kept.length > 0) episodes[instance] = kept;
  }
  return { episodes, writes, notifications };
}
