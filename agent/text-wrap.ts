/** Less than this beside a label is worse to read than what the terminal itself makes of a long line. */
const LEAST_ROOM = 32;

/**
 * Text behind its label. On a terminal of so many columns it goes on below where it began; null: one line, for files and
 * programs. A word that is longer than the room stays whole, so that what is to be copied can be.
 * @param labelWidth characters of the label that can be seen
 */
export function beside(label: string, labelWidth: number, text: string, columns: number | null): string {
  const room = columns === null ? Number.POSITIVE_INFINITY : columns - labelWidth;
  if (room < LEAST_ROOM || text.length <= room) return label + text;
  return label + wrapped(text, room).join(`\n${' '.repeat(labelWidth)}`);
}

/** Lines of at most so many characters; a word that is longer has one of its own. */
export function wrapped(text: string, room: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
