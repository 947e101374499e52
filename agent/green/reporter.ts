/** What a wait says: lines for people and one that moves on a terminal, or a JSON object a line for programs. */
import type { Plan } from './wait.ts';
import { bothText, durationText, localText } from './words.ts';

export interface Reporter {
  /** @param fields of the JSON object, which has `event` and `at` besides */
  say(event: string, text: string, fields?: Readonly<Record<string, unknown>>): void;
  planned(plan: Plan): void;
  passing(plan: Plan | null, nowMs: number): void;
}

export interface ReporterOptions {
  readonly write: (text: string) => void;
  readonly json: boolean;
  readonly isTerminal: boolean;
  readonly latestStartMs: number;
}

const START_OF_LINE = '\r\u001b[K';

export function createReporter({ write, json, isTerminal, latestStartMs }: ReporterOptions): Reporter {
  let isLineOpen = false;
  let isWatching = false;
  const say: Reporter['say'] = (event, text, fields = {}) => {
    if (json) {
      write(`${JSON.stringify({ event, at: new Date().toISOString(), ...fields })}\n`);
      return;
    }
    const lines = text.split('\n').map((line) => `wattshed: ${line}\n`);
    write(`${isLineOpen ? START_OF_LINE : ''}${lines.join('')}`);
    isLineOpen = false;
  };
  return {
    say,
    planned(plan) {
      const { reason, startMs, text, fields } = plan;
      const latestStart = new Date(latestStartMs).toISOString();
      if (reason === 'watching') {
        // Each new value for programs; people are told once, and see the rest in the moving line.
        if (json || !isWatching || plan.isNews) {
          const until = `starts at the latest ${bothText(latestStartMs)}`;
          say('watching', `waits: ${text}\n${until}`, { latestStart, ...fields });
        }
        isWatching = true;
      } else if (reason === 'greenest') {
        const start = new Date(startMs).toISOString();
        const inText = startMs > Date.now() ? `, in ${durationText(startMs - Date.now())}` : '';
        say('planned', `starts ${bothText(startMs)}${inText}\n${text}`, { start, latestStart, ...fields });
      }
    },
    passing(plan, nowMs) {
      if (json || !isTerminal) return;
      const startMs = Math.min(plan?.startMs ?? latestStartMs, latestStartMs);
      const inText = `in ${durationText(startMs - nowMs)}`;
      const latest = `at the latest ${inText}`;
      const line =
        plan === null
          ? `no answer yet; starts ${latest}`
          : plan.reason === 'watching'
            ? `${plan.text}; ${latest}`
            : `starts ${localText(startMs)}, ${inText}`;
      write(`${START_OF_LINE}${line.slice(0, 79)}`);
      isLineOpen = true;
    },
  };
}
