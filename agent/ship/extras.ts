/** What goes beside the reports: inventory and health, once after each start and when they changed by more than usual. */
import type { AgentHealth, Inventory } from '../../shared/wire/ingest.ts';

export interface Extras {
  readonly inventory?: Inventory;
  readonly health?: AgentHealth;
}

export class ExtrasMemory {
  #inventory = '';
  #health = '';
  #waiting = 0;

  /** Those that the server has not been given. */
  changed(inventory: Inventory | null, health: AgentHealth | null): Extras {
    return {
      ...(inventory === null || JSON.stringify(inventory) === this.#inventory ? {} : { inventory }),
      ...(health === null || !this.#isNews(health) ? {} : { health }),
    };
  }

  remember({ inventory, health }: Extras): void {
    if (inventory !== undefined) this.#inventory = JSON.stringify(inventory);
    if (health === undefined) return;
    this.#health = healthText(health);
    this.#waiting = health.spoolReports;
  }

  /** A report more waits with each window's end, and one less when it is sent. */
  #isNews(health: AgentHealth): boolean {
    const difference = Math.abs(health.spoolReports - this.#waiting);
    const isUsual = difference <= Math.max(USUAL_DIFFERENCE, USUAL_RATIO * this.#waiting);
    return !isUsual || healthText(health) !== this.#health;
  }
}

const USUAL_DIFFERENCE = 3;
/** Of those that waited when the server was told. */
const USUAL_RATIO = 0.1;

/** What of it is news by any change: the spool's bytes change with every record. */
function healthText(health: AgentHealth): string {
  return JSON.stringify({ ...health, spoolBytes: 0, spoolReports: 0 });
}
