import { SELF } from 'cloudflare:test';
import { expect, test } from 'vitest';
import type { ApiDocument, JsonSchema, Operation } from '../../../worker/http/api-document.ts';
import { PROBLEM_STATUS } from '../../../worker/http/problem.ts';
import { docsPage } from '../../../worker/routes/docs/page.ts';
import { ROUTES } from '../support/routes.ts';

const document = await (await SELF.fetch('http://wattshed.test/openapi.json')).json<
  ApiDocument & { openapi: string }
>();
const operations = Object.entries(document.paths).flatMap(([path, byMethod]) =>
  Object.entries(byMethod).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    operation,
  })),
);

test('the document is OpenAPI 3.1', () => expect(document.openapi).toBe('3.1.0'));

test('the document has every route, and no other', () => {
  const routed = ROUTES.map(({ method, path }) => `${method} ${path.replaceAll(/:([A-Za-z]+)/g, '{$1}')}`);
  expect(operations.map(({ name }) => name).sort()).toEqual(routed.sort());
});

test.each(operations.map(({ name, operation }) => [name, operation] as const))(
  '%s says what it is for, what it needs and how it fails',
  (name, operation: Operation) => {
    expect(operation.summary).toMatch(/^[A-Z].{5,90}[^.]$/);
    expect(operation.tags).toHaveLength(1);
    expect(operation.security).toBeDefined();
    const statuses = Object.keys(operation.responses);
    expect(statuses.filter((status) => status.startsWith('2'))).toHaveLength(1);
    expect(statuses).toEqual(expect.arrayContaining(['500', '503']));
    if (operation.security!.length > 0) expect(statuses).toEqual(expect.arrayContaining(['401', '403']));
    if (operation.requestBody) expect(statuses).toEqual(expect.arrayContaining(['413']));
    for (const [status, response] of Object.entries(operation.responses)) {
      if (status < '400') continue;
      expect(Object.keys(response.content ?? {})).toEqual(['application/problem+json']);
      for (const code of response.description.matchAll(/`(.+?)`/g)) {
        expect([name, code[1], PROBLEM_STATUS[code[1] as keyof typeof PROBLEM_STATUS]]).toEqual([
          name,
          code[1],
          Number(status),
        ]);
      }
    }
    const named = [...name.matchAll(/\{(.+?)\}/g)].map((match) => match[1]);
    const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
    expect(declared.map((parameter) => parameter.name).sort()).toEqual(named.sort());
  },
);

test('every reference leads somewhere', () => {
  const targets = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
    (m) => m[1],
  );
  expect(targets.length).toBeGreaterThan(10);
  for (const target of targets) expect(document.components.schemas).toHaveProperty(target!);
});

test('what may be left out of a body or a reply is not called required', () => {
  const { EnrollBody, IngestBody, Node } = document.components.schemas as Record<string, JsonSchema>;
  expect(EnrollBody!.required).toEqual(['hostname', 'fingerprint', 'machineFingerprint', 'agentVersion']);
  expect(IngestBody!.required).toEqual(['version', 'sentAtMs', 'agentVersion', 'reports']);
  const report = IngestBody!.properties!.reports!.items!;
  expect(report.properties!.devices!.items!.required).toEqual([
    'id',
    'type',
    'name',
    'meteredMilliseconds',
    'energyMillijoules',
    'kind',
  ]);
  expect(report.properties!.jobs!.items!.required).toEqual(['id', 'devices']);
  const inventory = Node!.allOf!.at(-1)!.properties!.inventory!;
  expect(inventory.properties!.parts!.items!.required).toEqual(['id', 'type', 'name']);
  expect(inventory.properties!.meters!.items!.required).toEqual(['id', 'sensor', 'deviceId', 'scope']);
});

test('the page shows every route and every code, and runs and loads nothing', async () => {
  const response = await SELF.fetch('http://wattshed.test/docs');
  expect(response.headers.get('Content-Type')).toMatch(/^text\/html/);
  const page = await response.text();
  for (const path of Object.keys(document.paths)) expect(page).toContain(`<code class="path">${path}</code>`);
  for (const code of Object.keys(PROBLEM_STATUS)) expect(page).toContain(`id="${code}"`);
  expect(page).not.toMatch(/<script|<iframe|<style| style=| on\w+=|(src|href|action)=.?https?:|url\(/i);
  expect(page).not.toContain('[object ');
  const ids = [...page.matchAll(/ id="(.+?)"/g)].map((match) => match[1]!);
  expect(ids).toEqual([...new Set(ids)]);
  const links = [...page.matchAll(/href="#(.+?)"/g)].map((match) => match[1]!);
  for (const link of links) expect(ids).toContain(link);
  const style = await SELF.fetch('http://wattshed.test/docs.css');
  expect(style.headers.get('Content-Type')).toBe('text/css; charset=utf-8');
});

test('nothing in a document becomes markup', async () => {
  const evil = '"><img src=x onerror=alert(1)>`<script>`';
  const schema: JsonSchema = {
    type: 'object',
    description: evil,
    properties: {
      [evil]: { type: evil, format: evil, example: evil, default: evil, enum: [evil], description: evil },
    },
  };
  const page = String(
    await docsPage({
      info: { title: evil, version: evil, description: evil },
      components: { schemas: { [evil]: schema } },
      paths: {
        [`/${evil}`]: {
          get: {
            tags: [evil],
            summary: evil,
            description: evil,
            security: [{ bearer: [evil] }],
            parameters: [{ name: evil, in: evil, description: evil, schema }],
            requestBody: { content: { [evil]: { schema } } },
            responses: {
              '200': { description: evil, content: { [evil]: { schema } } },
              '400': { description: evil },
            },
          },
        },
      },
    }),
  );
  expect(page).not.toMatch(/<(img|script)/);
  expect(page).toContain('&lt;script&gt;');
});
