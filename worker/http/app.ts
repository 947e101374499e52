/** The types every route is written against. Routes parse, call a use case and reply: no SQL, no arithmetic. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { EpochMs } from '../../shared/units.ts';
import type { Env } from '../env.ts';
import type { StoredPace } from '../storage/pace.ts';
import type { Shards } from '../storage/shards.ts';
import type { Pressure } from './pressure.ts';
import type { Remembered } from './remembered.ts';
import type { TokenCache } from './token-cache.ts';

export type Scope = 'ingest' | 'read' | 'admin';

export interface Caller {
  readonly tokenId: string;
  readonly scope: Scope;
  /** Set for scope `ingest`. */
  readonly nodeNumber: number | null;
  /** Set for scope `ingest`. */
  readonly nodeId: string | null;
  /** Set for scope `read` where it is of named projects only. */
  readonly projects: readonly string[] | null;
  /** Its token was last seen to hold over a minute ago; only on routes that ask again (`requireReporter`). */
  readonly isStale: boolean;
}

export interface AppEnv {
  Bindings: Env;
  Variables: {
    /** Set by the guard of the route; public routes have none. */
    caller: Caller;
    /** The grid zone of the calling node's site, on routes that a node may ask about that zone alone. */
    ownZone?: string;
    /** The instant of this request, read once. */
    nowMs: EpochMs;
    tokenCache: TokenCache;
    /** How often the fleet was asked to report. */
    pace: Remembered<StoredPace>;
    /** What this isolate had to refuse of late. */
    pressure: Pressure;
    /** The databases, as this request asks them. */
    shards: Shards;
  };
}

export type App = OpenAPIHono<AppEnv>;
