import { html } from 'hono/html';

/** Escaped HTML, as the `html` template makes it. */
export type Fragment = ReturnType<typeof html> | string;

/** Escaped text in which `backticks` mark code. */
export function prose(text: string): Fragment {
  return html`${text.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}
