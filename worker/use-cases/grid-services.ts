/** Who answers for several providers at once: what one of them is told of a limit or a failure holds for all, series and forecasts alike. */
import type { FetchOutcome, IntensityProvider } from '../grid/provider.ts';
import {
  type Circuit,
  circuitOf,
  NEVER_FAILED,
  nextServiceState,
  type ServiceState,
  whileProbing,
} from '../grid/service-state.ts';
import { readServices, replaceService } from '../storage/grid-services.ts';

/** How the state of a forecast is told from that of the series of the same provider, in `grid_fetches`. */
export const forecastStateName = (provider: string) => `${provider} forecast`;

export const serviceOf = ({ service, name }: IntensityProvider): string => service ?? name;

export interface ServiceStanding extends ServiceState {
  readonly service: string;
  /** Names of those that ask it. */
  readonly providers: readonly string[];
  readonly circuit: Circuit;
}

/** Every service that these providers ask, by name. */
export async function serviceStandings(
  db: D1Database,
  providers: readonly IntensityProvider[],
  nowMs: number,
): Promise<ServiceStanding[]> {
  const rows = await readServices(db);
  return [...new Set(providers.map(serviceOf))].sort().map((service) => {
    const state = rows.find((row) => row.service === service) ?? NEVER_FAILED;
    return {
      ...state,
      service,
      providers: providers.filter((provider) => serviceOf(provider) === service).map(({ name }) => name),
      circuit: circuitOf(state, nowMs),
    };
  });
}

/** Every request to a service goes through here, and leaves behind how the service stands. */
export class ServiceGate {
  readonly #db: D1Database;
  readonly #nowMs: number;
  readonly #states: Map<string, ServiceState>;

  private constructor(db: D1Database, nowMs: number, states: Map<string, ServiceState>) {
    this.#db = db;
    this.#nowMs = nowMs;
    this.#states = states;
  }

  static async open(db: D1Database, nowMs: number): Promise<ServiceGate> {
    const rows = await readServices(db);
    return new ServiceGate(db, nowMs, new Map(rows.map(({ service, ...state }) => [service, state])));
  }

  circuitOf(service: string): Circuit {
    return circuitOf(this.#stateOf(service), this.#nowMs);
  }

  /** The outcomes of one reply; null: the service is left alone, or another run finds out whether it answers. */
  async ask(
    service: string,
    request: () => Promise<readonly FetchOutcome[]>,
  ): Promise<readonly FetchOutcome[] | null> {
    const circuit = this.circuitOf(service);
    if (circuit === 'open') return null;
    if (circuit === 'halfOpen' && !(await this.#follow(service, (state) => whileProbing(state, this.#nowMs))))
      return null;
    const outcomes = await request();
    await this.#follow(service, (state) => nextServiceState(state, overall(outcomes), this.#nowMs));
    return outcomes;
  }

  /** Goes on from its own state even where another run was first: both were told the same, and count once. */
  async #follow(service: string, change: (state: ServiceState) => ServiceState): Promise<boolean> {
    const before = this.#stateOf(service);
    const after = change(before);
    if (after === before) return true;
    this.#states.set(service, after);
    return replaceService(this.#db, before, { service, ...after });
  }

  #stateOf(service: string): ServiceState {
    return this.#states.get(service) ?? NEVER_FAILED;
  }
}

/** What a reply says of its service: a limit first; else one series that can be read is an answer. */
function overall(outcomes: readonly FetchOutcome[]): FetchOutcome {
  const one = (is: (outcome: FetchOutcome) => boolean) => outcomes.find(is);
  return (
    one(({ outcome }) => outcome === 'rateLimited') ??
    one(({ outcome }) => outcome === 'values' || outcome === 'noData') ??
    one((outcome) => outcome.outcome === 'failed' && !outcome.refused) ??
    outcomes[0]!
  );
}
