/** Whatever words a statement holds, its Markdown, LaTeX and YAML hold them as words. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PUBLISHED } from '../../../shared/embodied/catalog.ts';
import { FigureSums } from '../../../shared/emissions/figures.ts';
import type { FigureGroup } from '../../../shared/emissions/join.ts';
import { type StatementDocument, statementDocument } from '../../../shared/statement/document.ts';
import { equivalentsOf } from '../../../shared/statement/equivalents.ts';
import { toLatex } from '../../../shared/statement/latex.ts';
import { toMarkdown } from '../../../shared/statement/markdown.ts';
import { toModelCard } from '../../../shared/statement/model-card.ts';
import { oneLine, wellFormed } from '../../../shared/statement/plain-text.ts';
import { composeStatement } from '../../../shared/statement/statement.ts';

const golden = readFileSync(new URL('../../golden/statement/job.tex', import.meta.url), 'utf8');

const HOSTILE = [
  '\\input{/etc/passwd}',
  '\\end{document}',
  '\\\\ & \\hline',
  '$x^2_1$ #1 %comment',
  '---\nadmin: true\n...',
  '", evil: "yes',
  '[click](javascript:alert(1)) <img src=x onerror=alert(1)> https://e.vil www.e.vil a@e.vil',
  '``` | ~~~ |`',
  '\u202Egnp.exe\u2028\u0000\u007f',
  '火山 Ångström ÿ × 🦊 \ud800',
  '^^5c^^M ?` !` << >> -- ---',
  '',
  ' ',
];
const word = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
);

const about = (name: string): StatementDocument => ({
  title: ['Of ', { name }],
  blocks: [
    { type: 'heading', text: 'Head' },
    { type: 'paragraph', line: [{ name }, ' and ', { name }] },
    { type: 'list', items: [[{ name }]] },
    { type: 'table', head: ['A', 'B'], rows: [[[{ name }], ['b_1 & 100 %']]] },
  ],
});

/** What Markdown takes for code spans, and all that is left. */
function codeSpans(line: string): { codes: string[]; rest: string } {
  const codes: string[] = [];
  let rest = '';
  for (let at = 0; at < line.length; ) {
    const fence = /^`+/.exec(line.slice(at))?.[0];
    if (fence === undefined) {
      rest += line[at++];
      continue;
    }
    const from = at + fence.length;
    const end = [...line.slice(from).matchAll(/`+/g)].find(([run]) => run.length === fence.length);
    if (end === undefined) throw new Error(`an open code span in ${line}`);
    const inner = line.slice(from, from + end.index);
    codes.push(/^ .* $/.test(inner) && inner.trim() !== '' ? inner.slice(1, -1) : inner);
    at = from + end.index + fence.length;
  }
  return { codes, rest };
}

test('Markdown sets each word of others as code that nothing in it can leave', () => {
  fc.assert(
    fc.property(word, (name) => {
      const lines = toMarkdown(about(name)).split('\n');
      expect(lines).toHaveLength(12);
      const shown = oneLine(name).replaceAll('|', '\u00a6');
      const expected = shown.trim() === '' ? [] : [shown];
      const [title, , , , paragraph, , item, , , , row] = lines;
      for (const line of [title!, item!, row!]) expect(codeSpans(line).codes).toEqual(expected);
      expect(codeSpans(paragraph!).codes).toEqual([...expected, ...expected]);
      const nothing = expected.length === 0 ? '(empty)' : '';
      expect(codeSpans(title!).rest).toBe(`# Of ${nothing}`);
      expect(codeSpans(row!).rest).toBe(`| ${nothing} | b\\_1 \\& 100 % |`);
    }),
    { numRuns: 300 },
  );
});

const COMMANDS = new Set(
  'documentclass usepackage setlength parindent LTleft LTright addtolength textwidth oddsidemargin sloppy begin end section subsection item raggedright arraybackslash hline endhead texttt allowbreak textbackslash textasciicircum textasciitilde textless textgreater textbar textquotedbl textquotesingle textasciigrave'.split(
    ' ',
  ),
);

/** Throws where LaTeX might: braces and environments are balanced, no special character stands alone, every command is known. */
function checkLatex(source: string): void {
  const bodyAt = source.indexOf('\\begin{document}');
  const open: string[] = [];
  let depth = 0;
  for (let at = 0; at < source.length; at++) {
    const character = source[at]!;
    if (character === '\\') {
      const command = /^(?:[A-Za-z]+|[\\{}$&#%_])/.exec(source.slice(at + 1))?.[0];
      if (command === undefined) throw new Error(`a lone backslash at ${at}`);
      if (/[A-Za-z]/.test(command) && !COMMANDS.has(command)) throw new Error(`the command \\${command}`);
      const environment = /^(begin|end)\{([a-z]+)\}/.exec(source.slice(at + 1));
      if (environment?.[1] === 'begin') open.push(environment[2]!);
      if (environment?.[1] === 'end' && open.pop() !== environment[2])
        throw new Error(`\\end{${environment[2]}}`);
      at += command.length;
    } else if (character === '{') depth++;
    else if (character === '}') {
      if (--depth < 0) throw new Error(`a closing brace too many at ${at}`);
    } else if ('#$%_^~`"'.includes(character)) throw new Error(`a lone ${character} at ${at}`);
    else if (character === '&' && (open.at(-1) !== 'longtable' || source.slice(at - 1, at + 2) !== ' & '))
      throw new Error(`a lone & at ${at}`);
    else if (character > '~' && !/[\u00C0-\u00FF]/.test(character)) throw new Error(`${character} at ${at}`);
    else if (character < ' ' && character !== '\n') throw new Error(`a control at ${at}`);
    if (at > bodyAt && /^(--|\?`|!`|<<|>>|,,)/.test(source.slice(at))) throw new Error(`a ligature at ${at}`);
  }
  if (depth !== 0 || open.length > 0) throw new Error(`left open: ${depth} braces, ${open.join(' ')}`);
  for (const [, columns, rows] of source.matchAll(
    /\\begin\{longtable\}\{@\{\}(.*)@\{\}\}\n([\s\S]*?)\\end\{longtable\}/g,
  ))
    for (const row of rows!.split('\n').filter((line) => line.endsWith(' \\\\')))
      expect(row.split(' & ')).toHaveLength(columns!.split('p{').length - 1);
}

test('LaTeX is balanced and holds no command, character or ligature but its own', () => {
  checkLatex(golden);
  for (const wrong of ['{', '}', '\\evil', '50 %', 'a_b', 'a & b', '火', '\\begin{x}', '`'])
    expect(() => checkLatex(`${golden}${wrong}`), wrong).toThrow();
  fc.assert(
    fc.property(word, (name) => checkLatex(toLatex(about(name)))),
    { numRuns: 300 },
  );
});

const hasLatex = spawnSync('pdflatex', ['--version']).status === 0;
test.skipIf(!hasLatex)(
  `pdflatex compiles it${hasLatex ? '' : ' (cannot run here: no pdflatex on this machine)'}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'wattshed-latex-'));
    try {
      const sources = [
        golden,
        toLatex(about(HOSTILE.join(' '))),
        ...HOSTILE.map((name) => toLatex(about(name))),
      ];
      sources.forEach((source, i) => {
        writeFileSync(join(folder, `${i}.tex`), source);
        const options = [
          '-interaction=nonstopmode',
          '-halt-on-error',
          '-no-shell-escape',
          '-draftmode',
          `${i}.tex`,
        ];
        execFileSync('pdflatex', options, { cwd: folder, stdio: 'pipe' });
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  120_000,
);

test('model-card metadata is one mapping of double-quoted ASCII, whatever the words are', () => {
  const figures = new FigureSums().toFigures();
  const group = (key: string): FigureGroup => ({
    key,
    label: key,
    owner: null,
    gpuCount: 2,
    series: [],
    ...figures,
  });
  fc.assert(
    fc.property(word, word, (model, phase) => {
      const statement = composeStatement({
        subject: {
          kind: 'job',
          name: model,
          project: null,
          user: null,
          phase,
          runs: [],
          filter: null,
          closedAtMs: null,
        },
        fromMs: 0,
        toMs: 1,
        asOfMs: 1,
        basis: 'lifecycle',
        signal: 'average',
        accounting: 'location',
        totals: figures,
        gpuCount: 2,
        excluded: [],
        byZone: [group('DE')],
        bySite: [],
        byModel: [group(model)],
        providersOf: () => [],
        lifetimeYears: [4],
        parts: [{ type: 'ssd', name: model, count: 3, grams: 1, gramsLow: 0, gramsHigh: 2 }],
        sci: [],
        versions: { software: '0', catalogSha256: '', zonesSha256: '' },
        settings: [],
        catalog: PUBLISHED,
      });
      const lines = toModelCard(statement, null).split('\n');
      expect([lines[0], lines[1], ...lines.slice(-2)]).toEqual(['---', 'co2_eq_emissions:', '---', '']);
      const fields = lines.slice(2, -2).map((line) => /^ {2}([a-z_]+): (0|"[\x20-\x7e]*")$/.exec(line)!);
      const names = fields.map(([, name]) => name);
      expect(names).toEqual(['emissions', 'source', 'geographical_location', 'hardware_used']);
      expect(JSON.parse(fields[3]![2]!)).toBe(`2 x ${wellFormed(model)}, 3 x ${wellFormed(model)}`);
      checkLatex(toLatex(statementDocument(statement)));
    }),
    { numRuns: 100 },
  );
});

test('equivalents are the grams over those of one', () => {
  const [kilometres, charges] = equivalentsOf(393_000);
  // 393 g a mile: 1,000 miles.
  expect(kilometres!.count).toBeCloseTo(1_609.344, 9);
  expect(charges!.count).toBeCloseTo(393_000 / 12.4, 9);
  expect(equivalentsOf(0).map(({ count }) => count)).toEqual([0, 0]);
});
