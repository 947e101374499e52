/** The API document as one page: no script, no request to anywhere else. */
import { html } from 'hono/html';
import type { ApiDocument, Content, JsonSchema, Operation, Parameter } from '../../http/api-document.ts';
import { PROBLEM_STATUS, type ProblemCode } from '../../http/problem.ts';
import { PROBLEM_MEANINGS } from './problem-meanings.ts';
import { type Fragment, prose } from './prose.ts';
import { notes, refName, schemaFields, typeOf } from './schema-view.ts';

interface Entry {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

export function docsPage(document: ApiDocument) {
  const entries = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ method, path, operation })),
  );
  const tags = [...new Set(entries.map(tagOf))].sort();
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>${document.info.title} API</title>
  <link rel="icon" href="/favicon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/docs.css">
</head>
<body>
  <nav aria-label="Contents">
    <p class="brand"><a href="/">${document.info.title}</a> API</p>
    <p><a href="#start">Start</a> <a href="#problems">Errors</a> <a href="#schemas">Schemas</a> <a href="/openapi.json">openapi.json</a></p>
    ${tags.map(
      (tag) => html`<h2>${tag}</h2>
      <ul>${entries
        .filter((entry) => tagOf(entry) === tag)
        .map(
          (entry) =>
            html`<li><a href="#${anchorOf(entry)}">${methodBadge(entry.method)} ${entry.path}</a></li>`,
        )}</ul>`,
    )}
  </nav>
  <main>
    ${introduction(document)}
    ${tags.map(
      (tag) => html`<h2 class="tag">${tag}</h2>
      ${entries.filter((entry) => tagOf(entry) === tag).map((entry) => operationView(entry, document))}`,
    )}
    ${problemsView()}
    ${schemasView(document)}
  </main>
</body>
</html>`;
}

function introduction({ info }: ApiDocument): Fragment {
  return html`<section id="start" class="card">
    <h1>${info.title} API, version ${info.version}</h1>
    <p>${prose(info.description ?? '')}</p>
    <p>Every route but the public ones takes a token in the Authorization header. A token has one scope:
      <span class="scope">ingest</span> writes the reports of one node, <span class="scope">read</span> reads the fleet,
      <span class="scope">admin</span> reads and changes everything.</p>
    <pre><code>curl -H "Authorization: Bearer $TOKEN" $URL/v1/nodes</code></pre>
  </section>`;
}

function operationView(entry: Entry, document: ApiDocument): Fragment {
  const { operation, method, path } = entry;
  const { parameters = [], requestBody } = operation;
  return html`<section id="${anchorOf(entry)}" class="card">
    <h3>${methodBadge(method)} <code class="path">${path}</code> ${scopeBadge(operation)}</h3>
    <p class="summary">${prose(operation.summary ?? '')}</p>
    ${operation.description === undefined ? '' : html`<p>${prose(operation.description)}</p>`}
    ${parameters.length === 0 ? '' : html`<h4>Parameters</h4><dl class="fields">${parameters.map(parameterView)}</dl>`}
    ${requestBody === undefined ? '' : html`<h4>Body</h4>${contentView(requestBody.content, document)}`}
    <h4>Answers</h4>
    ${Object.entries(operation.responses).map(
      ([status, response]) =>
        html`<div class="answer"><p><span class="status status-${status.charAt(0)}">${status}</span> ${answerText(status, response.description)}</p>
        ${status < '300' && response.content !== undefined ? contentView(response.content, document) : ''}</div>`,
    )}
  </section>`;
}

/** Problem codes link to their meaning; all else is prose. */
function answerText(status: string, description: string): Fragment {
  if (status < '400') return prose(description);
  const parts = description.split('`');
  return html`${parts.map((part, index) =>
    index % 2 === 1 ? html`<a href="#${part}"><code>${part}</code></a>` : part,
  )}`;
}

function parameterView(parameter: Parameter): Fragment {
  const { name, schema } = parameter;
  const described = { ...schema, description: parameter.description ?? schema.description ?? '' };
  return html`<div>
    <dt><code>${name}</code> <span class="type">${typeOf(schema)}</span><span class="quiet">, ${parameter.in}${parameter.required ? '' : ', optional'}</span></dt>
    <dd>${notes(described)}</dd>
  </div>`;
}

function contentView(content: Content, document: ApiDocument): Fragment {
  return html`${Object.entries(content).map(([mediaType, { schema }]) => {
    if (schema === undefined) return html`<p class="quiet">${mediaType}</p>`;
    return html`<details><summary>${mediaType}: ${typeOf(schema)}</summary>${schemaFields(resolved(schema, document))}</details>`;
  })}`;
}

function resolved(schema: JsonSchema, document: ApiDocument): JsonSchema {
  const name = refName(schema);
  return (name === null ? undefined : document.components.schemas[name]) ?? schema;
}

function problemsView(): Fragment {
  const codes = Object.entries(PROBLEM_STATUS) as [ProblemCode, number][];
  return html`<section id="problems" class="card">
    <h2>Errors</h2>
    <p>Every error is <code>application/problem+json</code> (RFC 9457); <code>code</code> is one of these,
      <code>detail</code> names the field and the fix.</p>
    <dl class="fields">
      ${codes.map(
        ([code, status]) => html`<div id="${code}">
        <dt><span class="status status-${String(status).charAt(0)}">${status}</span> <code>${code}</code></dt>
        <dd>${prose(PROBLEM_MEANINGS[code])}</dd>
      </div>`,
      )}
    </dl>
  </section>`;
}

function schemasView({ components }: ApiDocument): Fragment {
  return html`<h2 class="tag" id="schemas">Schemas</h2>
  ${Object.entries(components.schemas).map(
    ([name, schema]) => html`<section id="schema-${name}" class="card">
    <h3><code>${name}</code></h3>
    <p>${prose(schema.description ?? '')}</p>
    ${schemaFields(schema)}
  </section>`,
  )}`;
}

const tagOf = ({ operation }: Entry) => operation.tags?.[0] ?? 'Other';
const anchorOf = ({ method, path }: Entry) => `${method}${path.replace(/[^A-Za-z0-9.]+/g, '-')}`;
const methodBadge = (method: string) => html`<span class="method ${method}">${method.toUpperCase()}</span>`;

function scopeBadge(operation: Operation): Fragment {
  const [requirement] = operation.security ?? [];
  if (requirement === undefined) return html`<span class="scope public">public</span>`;
  const scopes = requirement.bearer ?? ['enrolment key'];
  return html`<span class="scope">${scopes.join(', ')}</span>`;
}
