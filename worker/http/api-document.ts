/** The OpenAPI document, made from the routes themselves; what every route has in common is added here, once. */
import type { App } from './app.ts';
import { BOOKMARK_HEADER } from './bookmark.ts';
import { NODE_HEADER } from './guard.ts';
import { PROBLEM_STATUS, type ProblemCode } from './problem.ts';

/** The parts of a generated document that we complete or render. */
export interface ApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

export interface Operation {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly description?: string;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content; readonly required?: boolean };
  responses: Record<string, ResponseObject>;
}

export interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

export interface ResponseObject {
  readonly description: string;
  readonly content?: Content;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: JsonSchema }>>;
}

export type Content = Readonly<Record<string, { readonly schema?: JsonSchema }>>;

/** JSON Schema 2020-12 as far as the generator writes it. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly description?: string;
  readonly example?: unknown;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

const DESCRIPTION = [
  'What your GPU fleet emits, while it emits it. JSON, camelCase, units in names.',
  'Instants are RFC 3339 UTC (epoch milliseconds, `...Ms`, in the ingest body); ranges are half-open `[from, to)`.',
  'Ratios are 0 to 1. Lists page by `limit` and `cursor`. Errors are `application/problem+json` with a `code` of a closed list.',
].join(' ');

const documents = new WeakMap<App, ApiDocument>();

/** Of all routes that are registered; made once per app. */
export function apiDocument(app: App): ApiDocument {
  const made = documents.get(app) ?? makeDocument(app);
  documents.set(app, made);
  return made;
}

function makeDocument(app: App): ApiDocument {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'wsk_<id>_<secret>',
    description:
      'A token of scope `ingest` (one node), `read` or `admin`; `admin` may read as well. Revoking one takes effect within 60 seconds.',
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'enrolmentKey', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'wsk_<id>_<secret>',
    description: 'An enrolment key, made with `POST /v1/enrolment-keys`.',
  });
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Wattshed', version: '1', description: DESCRIPTION },
  }) as unknown as ApiDocument;
  for (const operations of Object.values(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (scopesOf(operation).includes('ingest')) {
        operation.parameters = [...(operation.parameters ?? []), NODE_PARAMETER];
      }
      if (method === 'get' && scopesOf(operation).length > 0) {
        operation.parameters = [...(operation.parameters ?? []), BOOKMARK_PARAMETER];
        const answer = operation.responses['200'];
        if (answer !== undefined) operation.responses['200'] = { ...answer, headers: BOOKMARK_ANSWER };
      }
      for (const code of commonProblems(operation)) addProblem(operation, code);
    }
  }
  return document;
}

/** The guard reads it on every route of this scope. */
const NODE_PARAMETER: Parameter = {
  name: NODE_HEADER,
  in: 'header',
  required: false,
  description:
    'Id of the node that the agent takes itself for: a token file copied from another host is refused.',
  schema: { type: 'string', example: 'gpu-07' },
};

/** Read by every question that a token may ask. */
const BOOKMARK_PARAMETER: Parameter = {
  name: BOOKMARK_HEADER,
  in: 'header',
  required: false,
  description:
    'As an earlier answer gave it: any copy of the database may answer that is as new as that answer was. Without it the answer knows all that is written.',
  schema: { type: 'string' },
};
const BOOKMARK_ANSWER = {
  [BOOKMARK_HEADER]: {
    description: 'How new the answer is; send it with later questions to be answered by the nearest copy.',
    schema: { type: 'string' },
  },
} as const;

const scopesOf = ({ security = [] }: Operation) => security.flatMap((scheme) => scheme.bearer ?? []);

/** What any route with these traits may answer, whatever it does. */
function commonProblems(operation: Operation): ProblemCode[] {
  const secured = (operation.security ?? []).length > 0;
  const scopes = scopesOf(operation);
  const body = operation.requestBody;
  const json = body !== undefined && 'application/json' in body.content;
  return [
    ...(secured ? (['unauthenticated'] as const) : []),
    ...(scopes.length > 0 ? (['forbidden_scope'] as const) : []),
    ...(scopes.includes('ingest') ? (['wrong_node'] as const) : []),
    ...((operation.parameters ?? []).length > 0 ? (['invalid_parameter'] as const) : []),
    ...(json ? (['malformed_body', 'unsupported_media_type', 'invalid_body'] as const) : []),
    ...(body === undefined ? [] : (['body_too_large'] as const)),
    'internal_error',
    'overloaded',
  ];
}

function addProblem(operation: Operation, code: ProblemCode): void {
  const status = String(PROBLEM_STATUS[code]);
  const there = operation.responses[status];
  const mention = `\`${code}\``;
  if (there?.description.includes(mention)) return;
  operation.responses[status] = {
    description: there === undefined ? mention : `${there.description}, ${mention}`,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}
