/** What retention has done and how far it is: a task that stands still is seen by its time. */
import type { MetricFamily } from '../../../shared/metrics/open-metrics.ts';
import { DAY_MS } from '../../../shared/time/window.ts';
import { atticOf } from '../../storage/attic.ts';
import { byKey } from '../../storage/by-node.ts';
import { type RetentionTask, readRetentionTasks } from '../../storage/retention-tasks.ts';
import type { Shards } from '../../storage/shards.ts';

/** Without samples before the first turn that found anything. */
export async function retentionFamilies(shards: Shards): Promise<MetricFamily[]> {
  const byShard = await shards.rows(async (db) => Object.values((await readRetentionTasks(db)) ?? {}));
  const idle: readonly RetentionTask['task'][] =
    atticOf(shards.main) === null ? ['days', 'sums', 'dayFiles'] : ['checks'];
  const tasks = [...byKey(byShard, ({ task }) => task).values()]
    .map(together)
    .filter(({ task }) => !idle.includes(task));
  const ofHours = tasks.filter(({ task }) => task !== 'files' && task !== 'dayFiles');
  return [
    {
      name: 'wattshed_retention_done_until_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'Before this instant all windows are archived, all series gone from the database, all hours cut to what figures are made from (checks, without an archive), all days, and all sums of nodes hour by hour, moved to the bucket (days, sums, with one), all archived series deleted (files), all hours deleted (hours), all files of days deleted (dayFiles).',
      samples: tasks
        .filter(({ task }) => task !== 'late')
        .map(({ task, day }) => ({ labels: { task }, value: (day * DAY_MS) / 1_000 })),
    },
    {
      name: 'wattshed_retention_node_hours',
      type: 'counter',
      help: 'Node-hours that were archived (windows), lost their series (series), were cut to what figures are made from (checks), moved to the bucket (days), deleted (hours) or tidied (late).',
      samples: ofHours.map(({ task, hours }) => ({ labels: { task }, value: hours })),
    },
    {
      name: 'wattshed_archive_files',
      type: 'counter',
      help: 'Files written to the archive; one that was written again counts again.',
      samples: ofHours.map(({ task, files }) => ({ labels: { task }, value: files })),
    },
    {
      name: 'wattshed_archive_written_bytes',
      type: 'counter',
      unit: 'bytes',
      help: 'Bytes of these files.',
      samples: ofHours.map(({ task, bytes }) => ({ labels: { task }, value: bytes })),
    },
    {
      name: 'wattshed_archive_deleted_files',
      type: 'counter',
      help: 'Files of power series that were deleted from the archive, older than the setting says.',
      samples: tasks
        .filter(({ task }) => task === 'files')
        .map(({ files }) => ({ labels: {}, value: files })),
    },
  ];
}

/** Of the same task in each database: done is what all have done. */
function together(tasks: readonly RetentionTask[]): RetentionTask {
  const sum = (of: 'hours' | 'files' | 'bytes') => tasks.reduce((all, task) => all + task[of], 0);
  const day = Math.min(...tasks.map((task) => task.day));
  return { ...tasks[0]!, day, hours: sum('hours'), files: sum('files'), bytes: sum('bytes') };
}
