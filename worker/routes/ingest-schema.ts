/** The body of `POST /v1/ingest` with every bound; shapes and meanings are those of `shared/wire/ingest.ts`. */
import { z } from '@hono/zod-openapi';
import { WINDOW_MS } from '../../shared/time/window.ts';
import {
  type AgentHealth,
  DEVICE_TYPES,
  ENERGY_KINDS,
  type IngestBody,
  type Inventory,
  JOB_ATTRIBUTIONS,
  METER_SCOPES,
  type MeterDescription,
  SENSOR_STATES,
  type WindowReport,
} from '../../shared/wire/ingest.ts';
import { quickly } from '../http/quick-check.ts';
import { withAbsentFields } from '../http/schemas.ts';
import { meterFacts } from './meter-facts-schema.ts';

/** 25 hours of windows: a backlog of 30 days is 29 requests, and one request stays within a Worker's CPU time. */
export const MAX_REPORTS = 300;
/** The largest hosts have 16 GPUs, 8 sockets and their memory; NVL72 racks run one agent per tray. */
const MAX_DEVICES = 64;
const MAX_JOBS = 200;
/** Of one report, over its jobs: with them it still fits into the 2 MB that a row of the quarantine may have. */
const MAX_JOB_SHARES = 2_000;
const MAX_PARTS = 256;
const MAX_METERS = 256;
const MAX_SENSORS = 32;

/** What is set aside is listed with its time: beyond this no clock error is worth a person's look. */
const LATEST_MS = Date.UTC(2100, 0, 1);

const READS_VERSION = 1;
/** Unknown fields are refused, never dropped: an agent newer than its server must not lose what it says. */
const strict = <T extends z.ZodRawShape>(shape: T) =>
  withAbsentFields(
    z.strictObject(shape, {
      error: ({ code }) =>
        code === 'unrecognized_keys'
          ? `unknown field; this server reads version ${READS_VERSION} of the body, which has no such field: update the server before its agents, or check the spelling`
          : undefined,
    }),
  );

const text = (maxLength: number) => z.string().min(1).max(maxLength);
/** Device ids and names are ASCII on every interface we read; control characters are refused. */
const plainText = (maxLength: number) => text(maxLength).regex(/^[\x20-\x7e]+$/, 'expected printable ASCII');
const integer = (max: number) => z.number().int().min(0).max(max);
/** 2^45 mJ in one window would be 117 GW: far over any device, far under 2^53, so sums of a report stay exact. */
const millijoules = integer(2 ** 45);
const windowMilliseconds = integer(WINDOW_MS);

const series = strict({
  stepMilliseconds: z.number().int().min(100).max(60_000),
  watts: z
    .base64()
    .min(4)
    .max(8_192)
    .openapi({ description: 'deflate-raw of the encoded samples: shared/ledger/series-codec.ts.' }),
});

const device = strict({
  id: plainText(128),
  type: z.enum(DEVICE_TYPES),
  name: plainText(128),
  meteredMilliseconds: windowMilliseconds,
  energyMillijoules: millijoules,
  kind: z.enum(ENERGY_KINDS),
  recoveredMillijoules: millijoules.exactOptional(),
  integratedMillijoules: millijoules.exactOptional(),
  idleMillijoules: millijoules.exactOptional(),
  utilizationRatio: z.number().min(0).max(1).exactOptional(),
  series: series.exactOptional(),
});

const job = strict({
  id: plainText(256).openapi({ example: 'slurm:cluster:4711' }),
  project: text(256).exactOptional(),
  user: text(256).exactOptional(),
  phase: text(64).exactOptional(),
  attribution: z.enum(JOB_ATTRIBUTIONS).exactOptional().openapi({
    description:
      'How the job came to its shares, the weakest of this window: allocation (default) of whole devices, slices of a partitioned GPU, turns on a shared GPU, utilization of a shared GPU by its processes, or only processes seen on a device.',
  }),
  devices: z
    .array(
      strict({
        id: plainText(128),
        energyMillijoules: millijoules,
        allocatedMilliseconds: windowMilliseconds,
      }),
    )
    .max(MAX_DEVICES)
    .refine(
      unique((item: { id: string }) => item.id),
      'names a device twice',
    ),
});

const report = strict({
  windowStartMs: z
    .number()
    .int()
    .min(0)
    .max(LATEST_MS, 'expected an instant before the year 2100')
    .refine((ms) => ms % WINDOW_MS === 0, `expected a multiple of ${WINDOW_MS} (a 5-minute UTC window)`),
  epoch: z.string().regex(/^[a-z0-9]{8,32}$/, 'expected 8 to 32 of a-z and 0-9'),
  revision: z
    .number()
    .int()
    .min(1)
    .max(2 ** 31),
  final: z.boolean(),
  devices: z
    .array(device)
    .max(MAX_DEVICES)
    .refine(
      unique((item: { id: string }) => item.id),
      'names a device twice',
    ),
  jobs: z
    .array(job)
    .max(MAX_JOBS)
    .refine(
      unique((item: { id: string }) => item.id),
      'names a job twice',
    )
    .refine(
      (items) => items.reduce((sum, { devices }) => sum + devices.length, 0) <= MAX_JOB_SHARES,
      `expected at most ${MAX_JOB_SHARES} devices over all jobs`,
    ),
}).refine(
  ({ devices, jobs }) => {
    const ids = new Set(devices.map(({ id }) => id));
    return jobs.every((each) => each.devices.every(({ id }) => ids.has(id)));
  },
  { path: ['jobs'], error: 'names a device that is not in "devices"' },
) satisfies z.ZodType<WindowReport>;

const meterDescription = strict({
  id: text(256),
  sensor: text(64),
  deviceId: text(128),
  scope: z.enum(METER_SCOPES),
  ...meterFacts,
}) satisfies z.ZodType<MeterDescription>;

const inventory = strict({
  hostname: text(253),
  kernel: z.string().max(256),
  productName: z.string().max(256),
  parts: z
    .array(
      strict({
        id: text(128),
        type: z.enum(['gpu', 'cpu', 'memory', 'dimm', 'ssd', 'hdd']),
        name: z.string().max(256),
        capacityBytes: integer(2 ** 53 - 1).exactOptional(),
        cores: integer(4_096).exactOptional(),
      }),
    )
    .max(MAX_PARTS)
    .refine(
      unique((item: { id: string }) => item.id),
      'names a part twice',
    ),
  meters: z
    .array(meterDescription)
    .max(MAX_METERS)
    .refine(
      unique((item: { id: string }) => item.id),
      'names a meter twice',
    )
    .exactOptional()
    .openapi({ description: 'How its devices are metered now: what the figures of each stream mean.' }),
}) satisfies z.ZodType<Inventory>;

const health = strict({
  sensors: z
    .array(
      strict({
        sensor: text(64),
        state: z.enum(SENSOR_STATES),
        detail: z.string().max(1_024),
        fix: z.string().max(2_048).exactOptional(),
      }),
    )
    .max(MAX_SENSORS),
  spoolBytes: integer(2 ** 40),
  spoolReports: integer(2 ** 31),
  droppedSeries: integer(2 ** 31),
  droppedReports: integer(2 ** 31),
  damagedRecords: integer(2 ** 31),
}) satisfies z.ZodType<AgentHealth>;

const body = strict({
  version: z.literal(READS_VERSION, { error: `this server reads version ${READS_VERSION}` }),
  sentAtMs: integer(2 ** 53 - 1),
  agentVersion: text(40),
  reports: z
    .array(report)
    .max(MAX_REPORTS)
    .refine(
      unique((item: WindowReport) => `${item.windowStartMs} ${item.epoch}`),
      'holds one window of one epoch twice',
    ),
  inventory: inventory.exactOptional(),
  health: health.exactOptional(),
}).openapi('IngestBody') satisfies z.ZodType<IngestBody>;

export const ingestBody = quickly(body);

export const ingestReply = z
  .object({
    accepted: z.number().int(),
    unchanged: z.number().int(),
    quarantined: z.array(
      z.object({
        windowStartMs: z.number().int(),
        deviceId: z.string().nullable().openapi({ description: 'Null when the whole report was set aside.' }),
        code: z.string(),
      }),
    ),
    seriesSetAside: z
      .array(z.object({ windowStartMs: z.number().int(), deviceId: z.string().nullable(), code: z.string() }))
      .openapi({
        description:
          'Power series of another energy than the one beside them: kept in quarantine, while their reports are booked and count as accepted or unchanged.',
      }),
    serverTimeMs: z.number().int(),
    reportEverySeconds: z.number().int().openapi({
      description:
        'Seconds between two reports of this node from now on; over 300 a request carries several windows.',
    }),
    reportPhaseRatio: z.number().openapi({
      description:
        'Where in each interval this node reports, 0 to 1: UTC seconds modulo `reportEverySeconds` are this share of it.',
      example: 0.618034,
    }),
    backlog: z
      .object({
        reportsPerRequest: z.number().int(),
        everySeconds: z.number().int(),
      })
      .openapi({
        description:
          'How fast this node may send what it could not send before: so many reports in a request, and seconds between two such requests (0: one after the other), the first at random within as long. What is live waits for none of them.',
      }),
  })
  .openapi('IngestReply', {
    description:
      'accepted + unchanged + quarantined reports = reports sent. The answer comes after the commit.',
  });

function unique<T>(key: (item: T) => string): (items: readonly T[]) => boolean {
  return (items) => new Set(items.map(key)).size === items.length;
}
