/** A host that is one job as a whole, by the operator's word. */
import type { JobSource } from '../job-source.ts';

export interface ThisHostJob {
  readonly job: string;
  readonly user: string | null;
  readonly project: string | null;
  readonly phase: string | null;
}

/** @param cores logical CPUs of the host; null where it does not tell */
export function createThisHostSource(told: ThisHostJob, cores: () => Promise<number | null>): JobSource {
  return {
    name: 'this-host',
    watched: [],
    async look() {
      const job = {
        scheduler: 'host',
        restart: null,
        cluster: null,
        incarnation: 'setting',
        owners: [],
        ...told,
        gpus: ['all'],
        cores: await cores(),
      };
      return {
        state: 'ready',
        value: { jobs: [job], vouches: true },
        detail: `all of this host is job ${told.job}, by the setting "job"`,
      };
    },
  };
}
