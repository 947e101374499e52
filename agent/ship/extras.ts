/** What goes beside the reports: inventory and health, once after each start and when they changed. */
import type { AgentHealth, Inventory } from '../../shared/wire/ingest.ts';

export interface Extras {
  readonly inventory?: Inventory;
  readonly health?: AgentHealth;
}

export class ExtrasMemory {
  #inventory = '';
  #health = '';

  /** Those that the server has not been given. */
  changed(inventory: Inventory | null, health: AgentHealth | null): Extras {
    return {
      ...(inventory === null || JSON.stringify(inventory) === this.#inventory ? {} : { inventory }),
      ...(health === null || healthText(health) === this.#health ? {} : { health }),
    };
  }

  remember({ inventory, health }: Extras): void {
    if (inventory !== undefined) this.#inventory = JSON.stringify(inventory);
    if (health !== undefined) this.#health = healthText(health);
  }
}

/** The spool's bytes change with every record and are not news. */
function healthText(health: AgentHealth): string {
  return JSON.stringify({ ...health, spoolBytes: 0 });
}
