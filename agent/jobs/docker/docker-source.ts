/** Containers that Docker runs, by its socket. Docker gives nothing out exclusively: it vouches for nothing. */
import { errnoOf } from '../../inventory/read-text.ts';
import type { Outcome } from '../../sensors/sensor.ts';
import {
  counted,
  type JobSighting,
  type JobSource,
  MAX_JOBS_PER_SOURCE,
  type Sightings,
} from '../job-source.ts';
import { socketIsThere } from '../socket-is-there.ts';
import { joinContainers, sightingOfContainer } from './container.ts';
import { getFromDocker } from './docker-api.ts';

/** Understood by every Docker since 2016. */
const API = '/v1.24';
const PATIENCE_MS = 1_500;
const ID = /^[0-9a-f]{64}$/;

export interface DockerOptions {
  readonly socket: string;
}

export function createDockerSource({ socket }: DockerOptions): JobSource {
  /** What a container was given never changes. By container id. */
  const known = new Map<string, JobSighting | null>();

  return {
    name: 'docker',
    watched: [],

    async look(): Promise<Outcome<Sightings>> {
      if (!socketIsThere(socket)) return { state: 'absent', detail: `no Docker socket ${socket}` };
      try {
        const ids = containerIds(await getFromDocker(socket, `${API}/containers/json`, PATIENCE_MS));
        for (const id of known.keys()) if (!ids.includes(id)) known.delete(id);
        for (const id of ids.slice(0, MAX_JOBS_PER_SOURCE))
          if (!known.has(id))
            known.set(
              id,
              sightingOfContainer(
                id,
                await getFromDocker(socket, `${API}/containers/${id}/json`, PATIENCE_MS),
              ),
            );
        const jobs = joinContainers([...known.values()].filter((job) => job !== null));
        return { state: 'ready', value: { jobs, vouches: false }, detail: counted(jobs.length, 'container') };
      } catch (error) {
        return failure(error);
      }
    },
  };

  function failure(error: unknown): Outcome<never> {
    const code = errnoOf(error);
    if (code === 'EACCES' || code === 'EPERM')
      return {
        state: 'noData',
        detail: `the Docker socket ${socket} may not be opened (${code})`,
        fix: `setfacl -m u:wattshed:rw ${socket} (whoever may use it rules the host), or leave docker out of jobSources`,
      };
    return { state: 'failed', detail: `Docker does not answer on ${socket}: ${(error as Error).message}` };
  }
}

function containerIds(reply: unknown): string[] {
  if (!Array.isArray(reply)) throw new Error('the list of containers is no list');
  return reply.map((item: { Id?: unknown }) => String(item?.Id)).filter((id) => ID.test(id));
}
