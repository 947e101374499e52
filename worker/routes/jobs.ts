import { createRoute, z } from '@hono/zod-openapi';
import { toKilowattHours } from '../../shared/units.ts';
import type { App } from '../http/app.ts';
import { requireReadOfProjects, requireReason } from '../http/guard.ts';
import { cursorOf, nextCursorOutput, pageOfPlacesQuery, placesKey } from '../http/paging.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instant, instantInput, lineOfText, whyInput } from '../http/schemas.ts';
import type { StoredJob } from '../storage/stored-jobs.ts';
import { type JobEmissions, jobEmissions } from '../use-cases/job-emissions.ts';
import { describeJob, getJobs, type JobSummary } from '../use-cases/jobs.ts';
import { toEmissionsAnswer } from './emissions-schema.ts';
import {
  jobEmissionsOutput,
  jobEmissionsQuery,
  jobOutput,
  jobSummaryOutput,
  unitName,
} from './jobs-schema.ts';

const params = z.object({
  id: z.string().min(1).max(256).openapi({
    description: '`<scheduler>:<cluster>:<id>`, with `:<restart>`; percent-encoded.',
    example: 'slurm:cluster:4711',
  }),
});
const tags = ['Jobs'];
const exactly = (what: string) =>
  lineOfText(256)
    .optional()
    .openapi({ description: `Only jobs of this ${what}.` });

const listRoute = createRoute({
  method: 'get',
  path: '/v1/jobs',
  tags,
  summary: 'List the jobs, with where they ran and what they drew',
  description:
    'Newest first. A page may hold fewer than `limit` and still have a next one: it ends where its jobs would take too long to sum, or where few of many jobs pass the filter.',
  ...requireReadOfProjects(),
  request: {
    query: z
      .strictObject({
        ...pageOfPlacesQuery,
        project: exactly('project'),
        user: exactly('user'),
        phase: exactly('phase'),
        from: instantInput
          .optional()
          .openapi({ description: 'Only jobs that ran at or after it, to the hour.' }),
        to: instantInput.optional().openapi({ description: 'With `from`: and before it. Default: now.' }),
      })
      .refine(({ from, to }) => to === undefined || from !== undefined, {
        path: ['to'],
        message: 'expected a from beside it',
      }),
  },
  responses: {
    200: {
      description: 'Jobs, newest first',
      content: {
        'application/json': {
          schema: z.object({ jobs: z.array(jobSummaryOutput), nextCursor: nextCursorOutput }),
        },
      },
    },
    ...problems('invalid_parameter'),
  },
});

const emissionsRoute = createRoute({
  method: 'get',
  path: '/v1/jobs/{id}/emissions',
  tags,
  summary: 'What a job emitted, from first to last, on every node that it ran on',
  description:
    'The job’s share of everything: energy, operational and embodied emissions, GPU time (docs/method.md). Groups are its nodes where nothing else is asked for; `groupBy=job` shows restarts one by one.',
  ...requireReadOfProjects(),
  request: { params, query: jobEmissionsQuery },
  responses: {
    200: {
      description: 'The emissions object, with the job, its nodes and its SCI scores',
      content: { 'application/json': { schema: jobEmissionsOutput } },
    },
    ...problems('invalid_parameter', 'range_too_long', 'not_found'),
  },
});

const said = lineOfText(256)
  .regex(/^[^,]*$/, 'expected a value without a comma')
  .nullable()
  .optional();

const describeRoute = createRoute({
  method: 'patch',
  path: '/v1/jobs/{id}',
  tags,
  summary: 'Say what a job made, and whose it is',
  description:
    'Counts of what the job made so far (tokens, samples, ...) are the functional units of its SCI scores; each replaces the one before. Project, phase and user go over what agents report; null gives them back. A node’s own token may speak of jobs that ran on it. Everything said is kept with who said it and when.',
  ...requireReason('ingest', 'admin'),
  request: {
    params,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z
            .strictObject({
              units: z
                .record(
                  unitName,
                  z
                    .number('expected a number')
                    .min(0, 'expected 0 or more')
                    .max(1e18, 'expected at most 1e18')
                    .nullable(),
                )
                .refine((units) => Object.keys(units).length <= 16, 'expected at most 16 units')
                .optional()
                .openapi({ example: { token: 1.2e12 } }),
              project: said,
              phase: said,
              user: said,
              why: whyInput,
            })
            .refine(
              ({ why: _, ...facts }) => Object.values(facts).some((fact) => fact !== undefined),
              'expected at least one of units, project, phase and user',
            ),
        },
      },
    },
  },
  responses: {
    200: { description: 'The job after it', content: { 'application/json': { schema: jobOutput } } },
    ...problems('not_found', 'wrong_node'),
  },
});

export function registerJobs(app: App): void {
  app.openapi(listRoute, async (context) => {
    const { limit, cursor: before, from, to, ...said } = context.req.valid('query');
    const withinProjects = context.var.caller.projects;
    const query = { ...said, limit, before, fromMs: from, toMs: to, withinProjects };
    const found = await getJobs(context.var.shards, query, context.var.nowMs);
    if (!found.ok) return problemResponse(context, found.problem);
    const { jobs, next } = found.value;
    const nextCursor = cursorOf(next === null ? null : placesKey(next));
    return context.json({ jobs: jobs.map(summaryReply), nextCursor }, 200);
  });

  app.openapi(emissionsRoute, async (context) => {
    const { asOf: asOfMs, ...query } = context.req.valid('query');
    const { id } = context.req.valid('param');
    const { caller, nowMs } = context.var;
    const asked = { ...query, asOfMs, withinProjects: caller.projects };
    const found = await jobEmissions(context.var.shards, id, asked, nowMs);
    if (!found.ok) return problemResponse(context, found.problem);
    return context.json(emissionsReply(found.value, query), 200);
  });

  app.openapi(describeRoute, async (context) => {
    const { units = {}, why, ...facts } = context.req.valid('json');
    const { nowMs, caller } = context.var;
    const said: Record<string, string | null> = {};
    for (const [key, fact] of Object.entries(facts)) if (fact !== undefined) said[key] = fact;
    for (const [unit, count] of Object.entries(units))
      said[`units.${unit}`] = count === null ? null : String(count);
    const recorder = { nowMs, by: caller.tokenId, why };
    const { id } = context.req.valid('param');
    const job = await describeJob(context.var.shards, id, said, recorder, caller.nodeNumber);
    if (!job.ok) return problemResponse(context, job.problem);
    return context.json(factsReply(job.value), 200);
  });
}

const factsReply = ({ id, project, user, phase, units }: StoredJob) => ({
  id,
  project,
  user,
  phase,
  units: { ...units },
});

function summaryReply(job: JobSummary) {
  const { totals } = job;
  return {
    ...factsReply(job),
    firstSeen: instant(job.firstMs),
    lastSeen: instant(job.endMs),
    nodes: [...job.nodes],
    energyKwh: totals && toKilowattHours(totals.energyMillijoules),
    gpuSeconds: totals && Number(totals.gpuMilliseconds) / 1_000,
  };
}

function emissionsReply(
  { job, runs, nodes, emissions, sci }: JobEmissions,
  query: Parameters<typeof toEmissionsAnswer>[1],
) {
  return {
    ...toEmissionsAnswer(emissions, query),
    job: factsReply(job),
    runs: runs.map(({ id }) => id),
    nodes: nodes.map(({ id, firstMs, endMs }) => ({
      id,
      firstSeen: instant(firstMs),
      lastSeen: instant(Math.min(endMs, emissions.asOfMs)),
    })),
    sci: sci.map((score) => ({ ...score })),
  };
}
