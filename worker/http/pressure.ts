/** How much this isolate had to refuse of late, and when who was refused may come again. */
import type { MiddlewareHandler } from 'hono';
import { refusedRatio, retryAfterSeconds } from '../../shared/pace/overload.ts';
import type { AppEnv } from './app.ts';

/** The last one to two of these count. */
const SPAN_MS = 30_000;

interface Span {
  readonly number: number;
  answers: number;
  refused: number;
}

const emptySpan = (number: number): Span => ({ number, answers: 0, refused: 0 });

export class Pressure {
  #span = emptySpan(0);
  #previous = emptySpan(0);

  note(isRefused: boolean, nowMs: number): void {
    this.#turnTo(nowMs);
    this.#span.answers += 1;
    if (isRefused) this.#span.refused += 1;
  }

  /** 0..1: of the last answers, those that were refusals for overload. */
  refusedRatio(nowMs: number): number {
    this.#turnTo(nowMs);
    const spans = [this.#span, this.#previous];
    return refusedRatio(
      spans.reduce((sum, { refused }) => sum + refused, 0),
      spans.reduce((sum, { answers }) => sum + answers, 0),
    );
  }

  #turnTo(nowMs: number): void {
    const number = Math.floor(nowMs / SPAN_MS);
    if (number === this.#span.number) return;
    this.#previous = number === this.#span.number + 1 ? this.#span : emptySpan(number - 1);
    this.#span = emptySpan(number);
  }
}

/** Counts each answer, and says with each 503 when to come again: later the more are refused, and not all at once. */
export const backPressure: MiddlewareHandler<AppEnv> = async (context, next) => {
  await next();
  const { pressure, nowMs } = context.var;
  const isRefused = context.res.status === 503;
  pressure.note(isRefused, nowMs);
  if (!isRefused || context.res.headers.has('Retry-After')) return;
  const seconds = retryAfterSeconds(pressure.refusedRatio(nowMs), Math.random());
  context.header('Retry-After', String(seconds));
};
