/**
 * Elements and their text: all that a document of figures needs, since the runtime has no XML parser. Attributes and
 * comments are passed over; document types and CDATA, which no such document has, are refused, and with them every
 * entity that could expand.
 */
export interface XmlElement {
  readonly name: string;
  /** Trimmed; entities stand as they were written. */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

interface OpenElement {
  readonly name: string;
  text: string;
  readonly children: XmlElement[];
}

const MARKUP = /<(?:\?[^>]*\?|!--[\s\S]*?--|(\/)?([A-Za-z_][\w.:-]*)((?:[^<>"']|"[^"<]*"|'[^'<]*')*))>/y;
const MAX_DEPTH = 32;

/** The root element, or null where the text is no well-formed document of this kind. */
export function parseXml(document: string): XmlElement | null {
  const root: OpenElement = { name: '', text: '', children: [] };
  const open = [root];
  let position = document.startsWith('\uFEFF') ? 1 : 0;
  for (;;) {
    const current = open.at(-1)!;
    const next = document.indexOf('<', position);
    current.text += document.slice(position, next === -1 ? undefined : next);
    if (next === -1) break;
    MARKUP.lastIndex = next;
    const markup = MARKUP.exec(document);
    if (markup === null) return null;
    position = MARKUP.lastIndex;
    const [, closing, name, rest = ''] = markup;
    if (name === undefined) continue;
    if (closing) {
      if (current.name !== name || open.length === 1) return null;
      open.pop();
      current.text = current.text.trim();
      continue;
    }
    const element: OpenElement = { name, text: '', children: [] };
    current.children.push(element);
    if (!rest.endsWith('/')) open.push(element);
    if (open.length > MAX_DEPTH) return null;
  }
  const [only, ...others] = root.children;
  return open.length === 1 && root.text.trim() === '' && only && others.length === 0 ? only : null;
}

export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/** Text of the first element at the end of the path, or null. */
export function textAt(element: XmlElement, ...path: readonly string[]): string | null {
  let found: XmlElement | undefined = element;
  for (const name of path) found = found?.children.find((child) => child.name === name);
  return found?.text ?? null;
}
