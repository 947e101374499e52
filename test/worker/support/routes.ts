/** Every route that the router knows, as the routes register them. */
import { createApp } from '../../../worker/create-worker.ts';

export interface Route {
  readonly method: string;
  /** With `:name` where a parameter stands. */
  readonly path: string;
}

export const app = createApp(() => Date.UTC(2026, 0, 1));

/** Middleware is registered under the method ALL and is no route; a route's handlers are listed once each. */
export const ROUTES: readonly Route[] = [
  ...new Map(
    app.routes
      .filter((route) => route.method !== 'ALL')
      .map(({ method, path }) => [`${method} ${path}`, { method, path }]),
  ).values(),
];
