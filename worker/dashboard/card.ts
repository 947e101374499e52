/** The parts of a card: what it is, its figure, and quieter words about it. */
import { type Child, element } from './dom.ts';

export function card(title: string, ...children: Child[]): HTMLElement {
  return element('div', { class: 'card' }, element('h2', {}, title), ...children);
}

export const figure = (text: string) => element('p', { class: 'figure' }, text);
export const quiet = (...children: Child[]) => element('p', { class: 'quiet' }, ...children);
