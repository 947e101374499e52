/** Nodes as replies show them. */
import { z } from '@hono/zod-openapi';
import { METER_SCOPES, SENSOR_STATES } from '../../shared/wire/ingest.ts';
import { instantOutput, labelsOutput, withAbsentFields } from '../http/schemas.ts';
import { meterFacts } from './meter-facts-schema.ts';

export const nodeSummaryOutput = z
  .object({
    id: z.string().openapi({ example: 'gpu-07' }),
    hostname: z.string(),
    site: z.string().nullable().openapi({ description: 'Where it stands now.' }),
    gridZone: z.string().nullable().openapi({ description: "That site's grid zone now." }),
    labels: labelsOutput,
    state: z.enum(['reporting', 'silent', 'neverReported', 'retired']).openapi({
      description: '`silent`: nothing new for 10 minutes.',
    }),
    simulated: z.boolean().openapi({ description: 'Demo data; no hardware stands behind it.' }),
    lastReportAt: instantOutput.nullable().openapi({ description: 'When the last new figures arrived.' }),
    enrolledAt: instantOutput,
    retiredAt: instantOutput.nullable(),
    agentVersion: z.string(),
    sensors: z.array(
      z.object({
        sensor: z.string(),
        state: z.enum(SENSOR_STATES),
        detail: z.string(),
        fix: z
          .string()
          .optional()
          .openapi({ description: 'The exact command or setting that would mend it.' }),
      }),
    ),
    sensorsAt: instantOutput
      .nullable()
      .openapi({ description: 'Since when they stand as they do, and as many reports wait.' }),
  })
  .openapi('NodeSummary');

export const nodeOutput = nodeSummaryOutput
  .extend({
    devices: z
      .array(z.object({ id: z.string(), type: z.string(), name: z.string() }))
      .openapi({ description: 'Every device that ever reported energy.' }),
    inventory: z
      .object({
        hostname: z.string(),
        kernel: z.string(),
        productName: z.string(),
        parts: z.array(
          z.object({
            id: z.string(),
            type: z.string(),
            name: z.string(),
            capacityBytes: z.number().int().optional(),
            cores: z.number().int().optional(),
          }),
        ),
        meters: z
          .array(
            withAbsentFields(
              z.object({
                id: z.string(),
                sensor: z.string(),
                deviceId: z.string(),
                scope: z.enum(METER_SCOPES).openapi({
                  description:
                    'What its figure covers: one device, a module of CPU and GPU, or the whole node.',
                }),
                ...meterFacts,
              }),
            ),
          )
          .optional()
          .openapi({
            description:
              'How its devices are metered: what the figures of each stream mean. Left out by agents that do not tell.',
          }),
      })
      .nullable()
      .openapi({ description: 'Hardware as the agent last found it; null until it has said.' }),
    inventoryAt: instantOutput.nullable(),
    spool: z
      .object({
        spoolBytes: z.number().int(),
        spoolReports: z.number().int(),
        droppedSeries: z.number().int(),
        droppedReports: z.number().int(),
        damagedRecords: z.number().int(),
      })
      .nullable()
      .openapi({
        description:
          'What the agent still held when it last told, and what it had to drop since its epoch began. It tells when something else changes, or over three reports and a tenth more or fewer wait.',
      }),
    droppedSeries: z.number().int().openapi({
      description:
        'Power series that were not kept, because their window had one: of an agent that lost its state, or of a later revision. No energy is lost by it.',
    }),
    siteHistory: z.array(
      z.object({
        site: z.string(),
        effectiveFrom: instantOutput,
        recordedAt: instantOutput,
        recordedBy: z.string().openapi({ description: 'Id of the token or enrolment key that set it.' }),
      }),
    ),
  })
  .openapi('Node');
