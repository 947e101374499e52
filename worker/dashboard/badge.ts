import { element } from './dom.ts';

/** A short word on a coloured ground; the word alone says it all. */
export function badge(text: string, tone: 'good' | 'warn' | 'bad' | '' = ''): HTMLElement {
  return element('span', { class: `badge ${tone}`.trim() }, text);
}
