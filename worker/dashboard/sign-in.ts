/** Asks for a token, and says where to find one. */
import { element } from './dom.ts';

export function signIn(onToken: (token: string) => void): HTMLElement {
  const input = element('input', {
    id: 'token',
    type: 'password',
    name: 'token',
    autocomplete: 'current-password',
    spellcheck: 'false',
    required: '',
    placeholder: 'wsk_…',
    'aria-describedby': 'token-help',
  });
  const form = element(
    'form',
    {},
    element('label', { for: 'token' }, 'Read token'),
    input,
    element('button', { type: 'submit', class: 'primary' }, 'Show the fleet'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    onToken(input.value.trim());
  });
  return element(
    'section',
    { class: 'card sign-in' },
    element('h2', {}, 'The fleet’s figures need a token'),
    form,
    element(
      'p',
      { class: 'quiet', id: 'token-help' },
      'On a machine that runs ',
      element('code', {}, 'npm start'),
      ', show its admin token with ',
      element('code', {}, 'cat .wattshed/admin-token'),
      '. For others, make a token of scope “read” (POST /v1/tokens). It stays in this tab and is gone when you close it.',
    ),
  );
}
