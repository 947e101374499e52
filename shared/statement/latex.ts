/** A statement as a LaTeX document that compiles whatever its words are: only ASCII and Latin letters get into it as they are. */
import type { Block, Inline, Line, StatementDocument } from './document.ts';
import { oneLine } from './plain-text.ts';

const PREAMBLE = `\\documentclass[a4paper]{article}
\\usepackage[utf8]{inputenc}
\\usepackage[T1]{fontenc}
\\usepackage{longtable}
\\usepackage{array}
\\setlength{\\parindent}{0pt}
\\setlength{\\LTleft}{0pt}
\\setlength{\\LTright}{0pt plus 1fill}
\\addtolength{\\textwidth}{2cm}
\\addtolength{\\oddsidemargin}{-1cm}
\\sloppy
\\begin{document}`;

export function toLatex({ title, blocks }: StatementDocument): string {
  return `${[PREAMBLE, `\\section*{${text(title)}}`, ...blocks.map(block), '\\end{document}'].join('\n\n')}\n`;
}

function block(one: Block): string {
  switch (one.type) {
    case 'heading':
      return `\\subsection*{${prose(one.text)}}`;
    case 'paragraph':
      return text(one.line);
    case 'list':
      return ['\\begin{itemize}', ...one.items.map((line) => `\\item ${text(line)}`), '\\end{itemize}'].join(
        '\n',
      );
    case 'table':
      return table(one.head, one.rows);
  }
}

/** Over pages where it must be; columns of one width each, the first of a list of pairs narrower. */
function table(head: readonly string[], rows: readonly (readonly Line[])[]): string {
  const width = 0.88 / head.length;
  const widths = head.length === 2 ? [0.28, 0.64] : head.map(() => width);
  const columns = widths
    .map((share) => `>{\\raggedright\\arraybackslash}p{${share.toFixed(3)}\\textwidth}`)
    .join('');
  const line = (cells: readonly string[]) => `${cells.join(' & ')} \\\\`;
  return [
    `\\begin{longtable}{@{}${columns}@{}}`,
    '\\hline',
    line(head.map(prose)),
    '\\hline',
    '\\endhead',
    ...rows.map((row) => line(row.map(text))),
    '\\end{longtable}',
  ].join('\n');
}

// A group first: a cell or item that began with a bracket would be read as an option.
const text = (line: Line): string => `{}${line.map(inline).join('')}`;
const inline = (part: Inline): string => (typeof part === 'string' ? prose(part) : name(part.name));
const prose = (words: string): string => [...oneLine(words)].map(letter).join('');

const SPECIAL: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '{': '\\{',
  '}': '\\}',
  $: '\\$',
  '&': '\\&',
  '#': '\\#',
  '%': '\\%',
  _: '\\_',
  '^': '\\textasciicircum{}',
  '~': '\\textasciitilde{}',
  '<': '\\textless{}',
  '>': '\\textgreater{}',
  '|': '\\textbar{}',
  '"': '\\textquotedbl{}',
  "'": '\\textquotesingle{}',
  '`': '\\textasciigrave{}',
  // Alone, so that two of them make no dash.
  '-': '{-}',
  ',': '{,}',
  '?': '{?}',
  '!': '{!}',
};

function letter(character: string): string {
  if (Object.hasOwn(SPECIAL, character)) return SPECIAL[character]!;
  const code = character.codePointAt(0)!;
  if (code >= 0x20 && code < 0x7f) return character;
  // Latin letters with their accents: all of them are in T1, the two signs among them are not.
  if (/[\u00C0-\u00FF]/.test(character) && !/[\u00D7\u00F7]/.test(character)) return character;
  return `[U+${code.toString(16).toUpperCase().padStart(4, '0')}]`;
}

/** Letters and digits in a row after which a word may break. */
const LONG = 16;

/** Long words may break, and all words after punctuation. */
function name(words: string): string {
  let run = 0;
  const letters = [...oneLine(words)].map((character) => {
    run = /[\p{L}\p{N}]/u.test(character) ? run + 1 : 0;
    const mayBreak = run === 0 ? character !== ' ' : run % LONG === 0;
    return mayBreak ? `${letter(character)}\\allowbreak{}` : letter(character);
  });
  return `\\texttt{${letters.join('')}}`;
}
