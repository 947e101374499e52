/**
 * Whether zod would accept a value, found without its bookkeeping: where code cannot be made at run time (Workers), zod takes
 * five times as long for a large body. Made from the schema itself, so that each bound stands once. What is not accepted goes
 * to zod, which says what is wrong.
 */
import { core } from 'zod';

type Accepts = (value: unknown) => boolean;

/**
 * The schema, quick for what it accepts. Only for bodies that are JSON, and schemas that change nothing.
 * @throws Error where the schema has a part that is not known here
 */
export function quickly<T extends core.$ZodType>(schema: T): T {
  const accepts = acceptorOf(schema);
  const { run } = schema._zod;
  schema._zod.run = (payload, context) => (accepts(payload.value) ? payload : run(payload, context));
  return schema;
}

/** @throws Error where the schema has a part that is not known here */
export function acceptorOf(schema: core.$ZodType): Accepts {
  const accepts = typeAcceptor(schema as core.$ZodTypes);
  const checks = (schema._zod.def.checks ?? []).map(checkAcceptor);
  if (checks.length === 0) return accepts;
  return (value) => accepts(value) && checks.every((check) => check(value));
}

function typeAcceptor(schema: core.$ZodTypes): Accepts {
  const { def } = schema._zod;
  switch (def.type) {
    case 'string':
      if (!('format' in def)) return (value) => typeof value === 'string';
      if (def.format === 'base64') return (value) => typeof value === 'string' && core.isValidBase64(value);
      throw unknownPart(`a string of format "${def.format}"`);
    case 'number':
      // Of these the schema itself is the check.
      if ('format' in def) throw unknownPart(`a number of format "${def.format}"`);
      return Number.isFinite;
    case 'boolean':
      return (value) => typeof value === 'boolean';
    case 'literal':
      return memberOf(def.values);
    case 'enum':
      return memberOf(Object.values(def.entries));
    case 'array': {
      const item = acceptorOf(def.element);
      return (value) => Array.isArray(value) && value.every(item);
    }
    case 'object':
      if (def.catchall?._zod.def.type !== 'never') throw unknownPart('an object that may have other fields');
      return objectAcceptor(def.shape);
    default:
      throw unknownPart(`the type "${def.type}"`);
  }
}

function memberOf(values: readonly unknown[]): Accepts {
  const known = new Set(values);
  return (value) => known.has(value);
}

function objectAcceptor(shape: Readonly<Record<string, core.$ZodType>>): Accepts {
  const fields = Object.entries(shape).map(([name, schema]) => {
    const { def } = (schema as core.$ZodTypes)._zod;
    const isOptional = def.type === 'optional';
    return { name, isOptional, accepts: acceptorOf(isOptional ? def.innerType : schema) };
  });
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    const given = value as Readonly<Record<string, unknown>>;
    let known = 0;
    for (const { name, isOptional, accepts } of fields) {
      const field = given[name];
      if (field === undefined && isOptional) continue;
      if (!accepts(field)) return false;
      known++;
    }
    // What is more than the known fields is unknown.
    return Object.keys(given).length === known;
  };
}

function checkAcceptor(check: core.$ZodCheck): Accepts {
  const { def } = (check as core.$ZodChecks)._zod;
  switch (def.check) {
    case 'min_length':
      return (value) => (value as string).length >= def.minimum;
    case 'max_length':
      return (value) => (value as string).length <= def.maximum;
    case 'string_format': {
      const { pattern } = def;
      if (def.format !== 'regex' || pattern === undefined || pattern.global || pattern.sticky)
        throw unknownPart(`the format "${def.format}"`);
      return (value) => pattern.test(value as string);
    }
    case 'number_format':
      if (def.format !== 'safeint') throw unknownPart(`numbers of format "${def.format}"`);
      return Number.isSafeInteger;
    case 'greater_than': {
      const least = Number(def.value);
      return def.inclusive ? (value) => (value as number) >= least : (value) => (value as number) > least;
    }
    case 'less_than': {
      const most = Number(def.value);
      return def.inclusive ? (value) => (value as number) <= most : (value) => (value as number) < most;
    }
    default: {
      const custom = check._zod.def as { readonly check: string; readonly fn?: (value: unknown) => unknown };
      if (custom.check !== 'custom' || custom.fn === undefined)
        throw unknownPart(`the check "${custom.check}"`);
      const { fn } = custom;
      return (value) => Boolean(fn(value));
    }
  }
}

const unknownPart = (what: string) =>
  new Error(`${what} is not known to worker/http/quick-check.ts: add it there, or leave the schema to zod`);
