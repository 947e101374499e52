/** A statement in Markdown (GitHub's flavour). No word of others becomes markup, a link or an element. */
import type { Block, Inline, Line, StatementDocument } from './document.ts';
import { oneLine } from './plain-text.ts';

export function toMarkdown({ title, blocks }: StatementDocument): string {
  return `${[`# ${text(title)}`, ...blocks.map(block)].join('\n\n')}\n`;
}

function block(one: Block): string {
  switch (one.type) {
    case 'heading':
      return `## ${prose(one.text)}`;
    case 'paragraph':
      return text(one.line);
    case 'list':
      return one.items.map((line) => `- ${text(line)}`).join('\n');
    case 'table':
      return [one.head.map(prose), one.head.map(() => '---'), ...one.rows.map((row) => row.map(text))]
        .map((cells) => `| ${cells.join(' | ')} |`)
        .join('\n');
  }
}

const text = (line: Line): string => line.map(inline).join('');
const inline = (part: Inline): string => (typeof part === 'string' ? prose(part) : code(part.name));
const prose = (words: string): string => oneLine(words).replace(/[\\`*_{}[\]<>#|~&!]/g, '\\$&');

/**
 * In a code span nothing is markup but a run of backticks as long as its fence, and within a table the bar, which has no
 * escape outside of tables: so it is never written as one.
 */
function code(name: string): string {
  const words = oneLine(name).replaceAll('|', '\u00a6');
  const longest = Math.max(0, ...[...words.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  // One space on each side is taken off again by whoever reads it.
  return words.trim() === '' ? '(empty)' : `${fence} ${words} ${fence}`;
}
