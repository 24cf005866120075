// The help: what each key does, and the switch for all of them.

import { element } from '../common/dom.js';
import * as shortcuts from './shortcuts.js';

/**
 * @param {{shown: string, help: string}[]} rows
 * @param {() => void} onchange after the keys were switched on or off
 * @returns {HTMLDialogElement}
 */
export function keysDialog(rows, onchange) {
  const box = element('input', {
    type: 'checkbox',
    checked: shortcuts.areOn(),
    onchange: () => {
      shortcuts.set(box.checked);
      onchange();
    },
  });
  const dialog = element(
    'dialog',
    { class: 'keys', 'aria-labelledby': 'keys-title' },
    element('h2', { id: 'keys-title' }, 'Keys'),
    element(
      'dl',
      {},
      ...rows.flatMap(({ shown, help }) => [element('dt', {}, element('kbd', {}, shown)), element('dd', {}, help)]),
    ),
    element('label', { class: 'switch' }, box, 'Single keys do this'),
    element('button', { type: 'button', class: 'primary', autofocus: true, onclick: () => dialog.close() }, 'Close'),
  );
  return dialog;
}
