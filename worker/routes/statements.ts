import { createRoute, z } from '@hono/zod-openapi';
import { statementDocument } from '../../shared/statement/document.ts';
import { toLatex } from '../../shared/statement/latex.ts';
import { toMarkdown } from '../../shared/statement/markdown.ts';
import { TRAINING_TYPES, toModelCard } from '../../shared/statement/model-card.ts';
import type { Statement } from '../../shared/statement/statement.ts';
import type { App } from '../http/app.ts';
import { requireReadOfProjects, requireScope } from '../http/guard.ts';
import { problemResponse } from '../http/problem.ts';
import { problems } from '../http/problem-schema.ts';
import { instantInput } from '../http/schemas.ts';
import { jobStatement, periodStatement, projectStatement } from '../use-cases/statement.ts';
import { emissionsQuery } from './emissions-schema.ts';
import { jobEmissionsQuery } from './jobs-schema.ts';
import { statementReply, statementSchema } from './statements-schema.ts';

const FORMATS = ['json', 'markdown', 'latex', 'modelcard'] as const;
const TYPES = { markdown: 'text/markdown', latex: 'text/x-tex', modelcard: 'text/yaml' } as const;

const layout = {
  format: z
    .enum(FORMATS, `expected one of ${FORMATS.join(', ')}`)
    .default('json')
    .openapi({
      description:
        '`markdown` and `latex` are whole documents; `modelcard` is front matter for a model card on the Hugging Face Hub (`co2_eq_emissions`).',
    }),
  trainingType: z
    .enum(TRAINING_TYPES, `expected ${TRAINING_TYPES.join(' or ')}`)
    .optional()
    .openapi({
      description:
        'For `modelcard`. Default: the phase of the job where it is one of the two, else the field is left out.',
    }),
};
const { basis, signal, scope, accounting, asOf } = emissionsQuery.shape;
const question = { basis, signal, scope, accounting, asOf };

const responses = {
  200: {
    description: 'The statement',
    content: {
      'application/json': { schema: statementSchema },
      'text/markdown': { schema: z.string() },
      'text/x-tex': { schema: z.string() },
      'text/yaml': { schema: z.string() },
    },
  },
  ...problems('not_found', 'invalid_parameter', 'range_too_long'),
};

const about =
  'The figure with its bounds, energy, hardware, zones with their mean intensity against the average of the year, PUE, coverage and kinds, versions of all factors, sources, and what is not counted.';

const jobRoute = createRoute({
  method: 'get',
  path: '/v1/jobs/{id}/statement',
  tags: ['Statements'],
  summary: 'A carbon statement of a job, ready to publish',
  description: about,
  ...requireReadOfProjects(),
  request: {
    params: z.object({
      id: z.string().min(1).max(256).openapi({
        description: 'Percent-encoded, as in `/v1/jobs/{id}/emissions`.',
        example: 'slurm:cluster:4711',
      }),
    }),
    query: z.strictObject({ ...layout, ...question, restarts: jobEmissionsQuery.shape.restarts }),
  },
  responses,
});

const projectRoute = createRoute({
  method: 'get',
  path: '/v1/projects/{project}/statement',
  tags: ['Statements'],
  summary: 'A carbon statement of a project, ready to publish',
  description: `What all jobs of the project had in the time asked for. ${about}`,
  ...requireReadOfProjects(),
  request: {
    params: z.object({
      project: z.string().min(1).max(256).openapi({ description: 'Percent-encoded.', example: 'llm' }),
    }),
    query: z.strictObject({
      ...layout,
      ...question,
      from: instantInput,
      to: instantInput.optional().openapi({ description: 'Default: now.' }),
    }),
  },
  responses,
});

const periodRoute = createRoute({
  method: 'get',
  path: '/v1/periods/{id}/statement',
  tags: ['Statements'],
  summary: 'A carbon statement of a closed period, ready to publish',
  description: `Of its frozen figure, with what it was made with when it was closed; later changes are in \`GET /v1/periods/{id}\`. ${about}`,
  ...requireScope('read'),
  request: {
    params: z.object({ id: z.coerce.number().int().min(1) }),
    query: z.strictObject(layout),
  },
  responses: { ...responses, ...problems('overloaded') },
});

export function registerStatements(app: App): void {
  app.openapi(jobRoute, async (context) => {
    const { format, trainingType, asOf: asOfMs, ...query } = context.req.valid('query');
    const { id } = context.req.valid('param');
    const asked = { ...query, asOfMs, withinProjects: context.var.caller.projects };
    const found = await jobStatement(context.var.shards, id, asked, context.var.nowMs);
    if (!found.ok) return problemResponse(context, found.problem);
    if (format === 'json') return context.json(statementReply(found.value), 200);
    return context.body(textOf(found.value, format, trainingType), 200, contentType(format));
  });

  app.openapi(projectRoute, async (context) => {
    const {
      format,
      trainingType,
      asOf: asOfMs,
      from: fromMs,
      to: toMs,
      ...query
    } = context.req.valid('query');
    const { project } = context.req.valid('param');
    const asked = { ...query, asOfMs, fromMs, toMs, withinProjects: context.var.caller.projects };
    const found = await projectStatement(context.var.shards, project, asked, context.var.nowMs);
    if (!found.ok) return problemResponse(context, found.problem);
    if (format === 'json') return context.json(statementReply(found.value), 200);
    return context.body(textOf(found.value, format, trainingType), 200, contentType(format));
  });

  app.openapi(periodRoute, async (context) => {
    const { format, trainingType } = context.req.valid('query');
    const found = await periodStatement(context.var.shards, context.req.valid('param').id, context.var.nowMs);
    if (!found.ok) return problemResponse(context, found.problem);
    if (format === 'json') return context.json(statementReply(found.value), 200);
    return context.body(textOf(found.value, format, trainingType), 200, contentType(format));
  });
}

type TextFormat = keyof typeof TYPES;

const contentType = (format: TextFormat) => ({ 'Content-Type': `${TYPES[format]}; charset=utf-8` });

function textOf(
  statement: Statement,
  format: TextFormat,
  trainingType: (typeof TRAINING_TYPES)[number] | undefined,
): string {
  switch (format) {
    case 'markdown':
      return toMarkdown(statementDocument(statement));
    case 'latex':
      return toLatex(statementDocument(statement));
    case 'modelcard':
      return toModelCard(statement, trainingType ?? null);
  }
}
