/** Jobs as the API shows them. */
import { z } from '@hono/zod-openapi';
import { GROUP_KEYS } from '../../shared/emissions/join.ts';
import { instantOutput } from '../http/schemas.ts';
import { emissionsQuery, emissionsSchema } from './emissions-schema.ts';

export const unitName = z
  .string()
  .regex(/^[a-z][A-Za-z0-9]{0,39}$/, 'expected a name of 1 to 40 letters and digits, like token')
  .refine(
    (name) => name !== 'job' && name !== 'gpuHour',
    'job and gpuHour are counted here; name another unit',
  );

const facts = {
  id: z.string().openapi({ example: 'slurm:cluster:4711' }),
  project: z.string().nullable(),
  user: z.string().nullable(),
  phase: z
    .string()
    .nullable()
    .openapi({ description: 'Of a model’s life: data, train, eval, inference, ...' }),
  units: z
    .record(z.string(), z.number())
    .openapi({ description: 'What the job made, as last said.', example: { token: 1.2e12 } }),
};

export const jobOutput = z.object(facts).openapi('Job', {
  description: 'Project, user and phase as people said, else as agents did; null where nobody did.',
});

export const jobSummaryOutput = z
  .object({
    ...facts,
    firstSeen: instantOutput.openapi({ description: 'Start of the first window that holds a share of it.' }),
    lastSeen: instantOutput.openapi({ description: 'End of the last such window, or now.' }),
    nodes: z.array(z.string()).openapi({ description: 'Ids of the nodes that it ran on.' }),
    energyKwh: z.number().nullable().openapi({
      description: 'IT energy; null where the job is too long to be summed in a list: ask for its emissions.',
    }),
    gpuSeconds: z
      .number()
      .nullable()
      .openapi({ description: 'Metered part of the GPU time allocated to it.' }),
  })
  .openapi('JobSummary');

export const jobEmissionsQuery = emissionsQuery.omit({ from: true, to: true, filter: true }).extend({
  groupBy: z
    .enum(GROUP_KEYS, { error: `expected one of ${GROUP_KEYS.join(', ')}` })
    .default('node')
    .openapi({ description: 'By `job`, restarts stand one by one.' }),
  restarts: z.enum(['apart', 'together'], 'expected apart or together').default('apart').openapi({
    description:
      '`apart`: the run with this id alone. `together`: the job with every restart of it (`<id>:<restart>`), whichever of them the id names.',
  }),
});

export const jobEmissionsOutput = emissionsSchema
  .extend({
    job: jobOutput,
    runs: z.array(z.string()).openapi({ description: 'Ids of the runs that the figures are of.' }),
    nodes: z
      .array(z.object({ id: z.string(), firstSeen: instantOutput, lastSeen: instantOutput }))
      .openapi({ description: 'Every node that it ran on; hours between may hold nothing.' }),
    sci: z
      .array(
        z.object({
          unit: z.string().openapi({ example: 'token' }),
          count: z.number(),
          gramsPerUnit: z.number().nullable().openapi({
            description: '(O + M) / R: totalGrams / count; null where nothing is counted.',
          }),
        }),
      )
      .openapi({
        description:
          'Software Carbon Intensity (ISO/IEC 21031) per functional unit R: GPU hour, job, and whatever the job said it made.',
      }),
  })
  .openapi('JobEmissions');
