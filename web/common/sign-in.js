// Asks for a token, where the service wants one.

import { element, write } from './dom.js';
import { setToken } from './service.js';

/**
 * A form that keeps the token in this tab and reloads the page with it.
 * @returns {HTMLFormElement}
 */
export function signInForm() {
  const input = element('input', {
    type: 'password',
    required: true,
    pattern: '\\s*[A-Za-z0-9_.\\-]+\\s*',
    title: 'A token has letters, digits, dots, dashes and underscores only',
    autocomplete: 'off',
  });
  const problem = element('p', { class: 'notice', role: 'alert', hidden: true });
  return element(
    'form',
    {
      class: 'row sign-in',
      onsubmit: (event) => {
        event.preventDefault();
        if (setToken(input.value.trim())) location.reload();
        else refuse(problem);
      },
    },
    element('label', {}, 'Token', input),
    element('button', { class: 'primary' }, 'Use it'),
    element('p', { class: 'soft' }, 'It stays in this tab, and is forgotten when the tab is closed.'),
    problem,
  );
}

function refuse(problem) {
  write(problem, 'This browser keeps nothing for this page, not even a token: allow it to store site data.');
  problem.hidden = false;
}
