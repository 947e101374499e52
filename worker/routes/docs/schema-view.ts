/** JSON Schema as people read it: a list of fields, each with its type, bounds and meaning. */
import { html } from 'hono/html';
import type { JsonSchema } from '../../http/api-document.ts';
import { type Fragment, prose } from './prose.ts';

/** Deeper structures are cut: a named schema has its own place on the page. */
const MAX_DEPTH = 6;

/** The fields of an object (or of the items of an array); nothing for plain values. */
export function schemaFields(schema: JsonSchema, depth = 0): Fragment {
  const variants = (schema.anyOf ?? schema.oneOf ?? []).filter((variant) => variant.type !== 'null');
  if (variants.length > 1 && variants.every((variant) => variant.properties !== undefined)) {
    return html`${variants.map(
      (variant, index) =>
        html`<p class="quiet">${index === 0 ? 'Either:' : 'Or:'}</p>${schemaFields(variant, depth)}`,
    )}`;
  }
  const inner = variants.length === 1 ? variants[0] : (schema.items ?? undefined);
  if (inner !== undefined) return schemaFields(inner, depth);
  const { properties, allOf } = schema;
  if (depth >= MAX_DEPTH) return '';
  if (allOf !== undefined) {
    return html`${allOf.map((part) =>
      refName(part) === null
        ? schemaFields(part, depth)
        : html`<p class="quiet">All fields of ${typeOf(part)}, and:</p>`,
    )}`;
  }
  if (properties === undefined) return '';
  const required = new Set(schema.required);
  return html`<dl class="fields">
    ${Object.entries(properties).map(
      ([name, field]) => html`<div>
        <dt><code>${name}</code> <span class="type">${typeOf(field)}</span>${required.has(name) ? '' : html`<span class="quiet">, optional</span>`}</dt>
        <dd>${notes(field)}${schemaFields(field, depth + 1)}</dd>
      </div>`,
    )}
  </dl>`;
}

/** One line: `string or null`, `array of Site`. */
export function typeOf(schema: JsonSchema): Fragment {
  const name = refName(schema);
  if (name !== null) return html`<a href="#schema-${name}">${name}</a>`;
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants !== undefined) return joined(variants.map(typeOf), ' or ');
  if (schema.allOf !== undefined) return joined(schema.allOf.map(typeOf), ' and ');
  if (schema.const !== undefined) return html`${JSON.stringify(schema.const)}`;
  if (schema.enum !== undefined)
    return html`${schema.enum.map((value) => JSON.stringify(value)).join(' or ')}`;
  if (schema.items !== undefined) return html`array of ${typeOf(schema.items)}`;
  const types = [schema.type ?? 'any'].flat();
  const format = schema.format === undefined ? '' : ` (${schema.format})`;
  if (
    typeof schema.additionalProperties === 'object' &&
    Object.keys(schema.additionalProperties).length > 0
  ) {
    return html`object of ${typeOf(schema.additionalProperties)}`;
  }
  return html`${types.join(' or ')}${format}`;
}

/** Meaning, bounds, default and example. */
export function notes(schema: JsonSchema): Fragment {
  const bounds = [
    range(schema.minimum, schema.maximum, ''),
    range(schema.minLength, schema.maxLength, ' characters'),
    range(schema.minItems, schema.maxItems, ' items'),
    schema.default === undefined ? '' : `default ${JSON.stringify(schema.default)}`,
  ].filter((text) => text !== '');
  const example = schema.example === undefined ? '' : html` e.g. <code>${plain(schema.example)}</code>`;
  return html`${prose(schema.description ?? '')} <span class="quiet">${bounds.join(', ')}${example}</span>`;
}

/** Name of the schema that is referred to, or null. */
export function refName(schema: JsonSchema): string | null {
  return schema.$ref?.split('/').at(-1) ?? null;
}

const plain = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

function range(from: number | undefined, to: number | undefined, unit: string): string {
  if (from === undefined && to === undefined) return '';
  if (to === undefined || to === Number.MAX_SAFE_INTEGER)
    return from === undefined ? '' : `from ${from}${unit}`;
  return from === undefined ? `at most ${to}${unit}` : `${from} to ${to}${unit}`;
}

const joined = (parts: readonly Fragment[], separator: string): Fragment =>
  html`${parts.map((part, index) => html`${index === 0 ? '' : separator}${part}`)}`;
