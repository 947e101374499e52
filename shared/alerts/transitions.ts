/**
 * What is due to be told of an episode, by the windows that are new: when each window ended decides, not when somebody
 * looked, so that a run that comes late tells the same as one in time.
 */
import { WINDOW_MS } from '../time/window.ts';
import type { Episode } from './reconcile.ts';

export type TransitionKind = 'firing' | 'renotify' | 'resolved';

export interface Transition {
  readonly kind: TransitionKind;
  /** `<episodeId>:firing`, `:resolved` or `:renotify:<n>`. */
  readonly id: string;
  /** End of the window that it is due with. */
  readonly atMs: number;
}

export interface NewWindows {
  /** End of the last window that was folded before. */
  readonly headMs: number;
  /** End of the newest window. */
  readonly toMs: number;
  readonly renotifyMinutes: number | null;
  readonly silencedAt: (instantMs: number) => boolean;
}

const MINUTE_MS = 60_000;

/** At most one firing and one resolved in the life of an episode. */
export function dueTransitions(
  episode: Episode,
  { headMs, toMs, renotifyMinutes, silencedAt }: NewWindows,
): { readonly episode: Episode; readonly due: readonly Transition[] } {
  const due: Transition[] = [];
  let { firingSent, resolvedSent, renotified, silenced } = episode;
  // What ended before the new windows and was never told is history.
  const lastMs = Math.min(episode.resolvedAtMs ?? toMs, toMs);
  for (let atMs = Math.max(episode.firedAtMs, headMs + WINDOW_MS); atMs <= lastMs; atMs += WINDOW_MS) {
    if (episode.withdrawn) break;
    const over = episode.resolvedAtMs !== null && atMs >= episode.resolvedAtMs;
    if (!firingSent) {
      silenced = silencedAt(atMs);
      if (silenced || over) continue;
      firingSent = true;
      due.push({ kind: 'firing', id: `${episode.id}:firing`, atMs });
      continue;
    }
    if (renotifyMinutes === null || over || resolvedSent) continue;
    if (atMs - episode.firedAtMs < (renotified + 1) * renotifyMinutes * MINUTE_MS) continue;
    renotified++;
    if (!silencedAt(atMs)) due.push({ kind: 'renotify', id: `${episode.id}:renotify:${renotified}`, atMs });
  }
  if (firingSent && !resolvedSent && episode.resolvedAtMs !== null) {
    resolvedSent = true;
    due.push({
      kind: 'resolved',
      id: `${episode.id}:resolved`,
      atMs: Math.max(episode.resolvedAtMs, headMs),
    });
  }
  return { episode: { ...episode, firingSent, resolvedSent, renotified, silenced }, due };
}
