/**
 * `node deploy/cloudflare/split-export.mjs EXPORT.sql > IMPORT.sql`: D1 takes no statement over 100,000 bytes, but exports each
 * row as one, blobs in hex. A longer row goes in with empty values here, to which the rest is appended. Plain JavaScript: it
 * runs on whatever Node a person has at hand.
 */
import { once } from 'node:events';
import { createReadStream, realpathSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Bytes that D1 takes as one statement. */
const MAX_STATEMENT_BYTES = 100_000;

/** `other`: a number, NULL, or text with line ends, which an export writes as calls of `replace`. */
const VALUE =
  /(?<blob>X'[0-9a-f]*')|(?<text>'[^']*(?:''[^']*)*')|(?:replace\()+'[^']*(?:''[^']*)*'(?:,'\\[nr]',char\(1[03]\)\))+|[^',()]+/iy;
const INSERT =
  /^INSERT INTO (?<table>"(?:[^"]|"")+") \((?<columns>"(?:[^"]|"")+"(?:,"(?:[^"]|"")+")*)\) VALUES\(/;

/**
 * Statements that together do what this one does, none of them too long. Throws where that cannot be.
 *
 * @param {string} statement as `wrangler d1 export` writes it
 * @returns {string[]}
 */
export function splitStatement(statement) {
  if (isShort(statement)) return [statement];
  const { table, columns, values } = parseInsert(statement);
  const cells = values.map(({ sql }) => sql);
  const insert = () => `INSERT INTO ${table} (${columns.join(',')}) VALUES(${cells.join(',')});`;
  const emptied = new Set();
  const longestFirst = values.toSorted((a, b) => b.sql.length - a.sql.length);
  for (const value of longestFirst) {
    if (isShort(insert())) break;
    if (value.kind === 'other') continue;
    cells[value.index] = value.kind === 'blob' ? "X''" : "''";
    emptied.add(value);
  }
  const key = values.filter((value) => value.kind !== 'blob' && !emptied.has(value));
  const where = key.map(({ index, sql }) => `${columns[index]} IS ${sql}`).join(' AND ');
  const updates = [...emptied].flatMap(({ kind, sql, index }) =>
    piecesOf(kind, sql).map((piece) => {
      const column = columns[index];
      const whole = kind === 'blob' ? `CAST(${column} || ${piece} AS BLOB)` : `${column} || ${piece}`;
      return `UPDATE ${table} SET ${column} = ${whole} WHERE ${where};`;
    }),
  );
  const parts = [insert(), ...updates];
  if (key.length === 0 || !parts.every(isShort)) throw new Error(`a row of ${table} is too long to be split`);
  return parts;
}

/** @param {string} statement */
const isShort = (statement) => Buffer.byteLength(statement) <= MAX_STATEMENT_BYTES;

/** @param {string} statement */
function parseInsert(statement) {
  const head = INSERT.exec(statement);
  if (head?.groups === undefined) throw new Error(`cannot split: ${statement.slice(0, 200)}`);
  const { table, columns = '' } = head.groups;
  const values = [];
  for (let at = head[0].length; ; at++) {
    VALUE.lastIndex = at;
    const match = VALUE.exec(statement);
    if (match === null) throw new Error(`cannot read a row of ${table}`);
    const { blob, text } = match.groups ?? {};
    const kind = blob !== undefined ? 'blob' : text !== undefined ? 'text' : 'other';
    values.push({ kind, sql: match[0], index: values.length });
    at = VALUE.lastIndex;
    if (statement[at] === ')') break;
    if (statement[at] !== ',') throw new Error(`cannot read a row of ${table}`);
  }
  return { table, columns: columns.match(/"(?:[^"]|"")+"/g) ?? [], values };
}

/**
 * Two digits of a byte, two quotes that stand for one and the halves of a character stay together; 80,000 bytes at most.
 *
 * @param {string} kind
 * @param {string} literal
 */
function piecesOf(kind, literal) {
  if (kind === 'blob') return (literal.slice(2, -1).match(/.{1,80000}/g) ?? []).map((hex) => `X'${hex}'`);
  return (literal.slice(1, -1).match(/(?:''|[^']){1,20000}/gu) ?? []).map((text) => `'${text}'`);
}

/** A statement ends with its line, unless a text goes on. */
async function* statementsOf(/** @type {string} */ file) {
  let statement = '';
  for await (const line of createInterface({
    input: createReadStream(file),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    statement += statement === '' ? line : `\n${line}`;
    if ((statement.split("'").length - 1) % 2 === 1) continue;
    yield statement;
    statement = '';
  }
  if (statement !== '') yield statement;
}

async function main() {
  const [file] = process.argv.slice(2);
  if (file === undefined)
    throw new Error('usage: node deploy/cloudflare/split-export.mjs EXPORT.sql > IMPORT.sql');
  for await (const statement of statementsOf(file)) {
    for (const part of splitStatement(statement))
      if (!process.stdout.write(`${part}\n`)) await once(process.stdout, 'drain');
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(`wattshed: ${error.message}`);
    process.exitCode = 1;
  });
}
