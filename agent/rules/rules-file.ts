/** A file of alert rules, YAML or JSON, with the line of each value, so that what is wrong can be pointed at. */
import { readFileSync, statSync } from 'node:fs';
import type { Document, LineCounter } from 'yaml';

const MAX_BYTES = 1024 * 1024;
/** As in the body of `PUT /v1/alert-rules`: the file is that body. */
const KEY = 'alertRules';

export interface RulesFile {
  readonly rules: readonly unknown[];
  /** Of the value at a JSON pointer (`/alertRules/2/filter`), or of the nearest that holds it; the first line is 1. */
  lineOf(pointer: string): number;
}

/** The message names file and line, and what would be right. */
export class RulesFileError extends Error {
  override readonly name = 'RulesFileError';
}

/** @throws RulesFileError */
export async function readRulesFile(path: string): Promise<RulesFile> {
  const text = contentOf(path);
  // Only here: the running agent never loads it. JSON is YAML, so one reader knows the lines of both.
  const { parseDocument, LineCounter: Lines } = await import('yaml');
  const lines = new Lines();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    const what = error.code === 'MULTIPLE_DOCS' ? 'a file of rules is one document' : error.message;
    throw new RulesFileError(`${path}, line ${line}, column ${col}: ${what}`);
  }
  const content = contentIn(document, path);
  const others =
    typeof content === 'object' && content !== null ? Object.keys(content).filter((key) => key !== KEY) : [];
  const rules = (content as { [KEY]?: unknown } | null)?.[KEY];
  if (!Array.isArray(rules) || others.length > 0)
    throw new RulesFileError(`${path} must hold a list of rules under the key "${KEY}", and nothing else`);
  return { rules, lineOf: (pointer) => lineOf(document, lines, segmentsOf(pointer)) };
}

function contentIn(document: Document, path: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // An alias of nothing, or one that multiplies itself.
    throw new RulesFileError(`${path}: ${(error as Error).message}`);
  }
}

function contentOf(path: string): string {
  try {
    if (statSync(path).size > MAX_BYTES)
      throw new RulesFileError(`${path} is larger than ${MAX_BYTES / 1024} KiB: that is no file of rules`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof RulesFileError) throw error;
    throw new RulesFileError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

const segmentsOf = (pointer: string): (string | number)[] =>
  pointer
    .split('/')
    .slice(1)
    .map((segment) =>
      /^\d+$/.test(segment) ? Number(segment) : segment.replaceAll('~1', '/').replaceAll('~0', '~'),
    );

function lineOf(document: Document, lines: LineCounter, segments: readonly (string | number)[]): number {
  for (let length = segments.length; length > 0; length--) {
    const node = document.getIn(segments.slice(0, length), true);
    const range = (node as { range?: readonly number[] | null } | undefined)?.range;
    if (range) return lines.linePos(range[0]!).line;
  }
  return 1;
}
