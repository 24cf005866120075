// The first page: choose a kind of clock, change its figures, create it; or open one that is there.

import { element, mark } from '../common/dom.js';
import { PRESETS, sessionOf } from './presets.js';
import { Trouble } from './trouble.js';

function card(preset, index, onchoose) {
  const input = element('input', {
    type: 'radio',
    name: 'preset',
    value: preset.id,
    class: 'unseen',
    checked: index === 0,
    onchange: onchoose,
  });
  return element(
    'label',
    { class: 'card' },
    input,
    element('span', { class: 'title' }, preset.title),
    element('span', { class: 'soft' }, preset.note),
  );
}

function fieldOf({ name, label, value, min, max }) {
  const numeric = typeof value === 'number';
  return element(
    'label',
    { class: numeric ? 'number' : 'names' },
    label,
    element('input', {
      name,
      value,
      required: true,
      type: numeric ? 'number' : 'text',
      min,
      max,
      inputmode: numeric ? 'numeric' : null,
      autocomplete: 'off',
      maxlength: numeric ? null : 600,
    }),
  );
}

/**
 * @param {HTMLElement} root
 * @param {import('/sdk/index.js').SyncKairosClient} client
 * @param {(sessionId: string) => void} open
 */
export function openHome(root, client, open) {
  document.title = 'SyncKairos';
  let preset = PRESETS[0];
  const fields = element('div', { class: 'fields' });
  const title = element('h1', { tabindex: -1 }, 'One clock, every screen.');
  const trouble = new Trouble(title);
  const button = element('button', { class: 'primary large' }, 'Create the clock');

  const choose = (event) => {
    preset = PRESETS.find(({ id }) => id === (event?.target.value ?? preset.id));
    fields.replaceChildren(...preset.fields.map(fieldOf));
  };
  const create = async (event) => {
    event.preventDefault();
    if (button.hasAttribute('aria-disabled')) return; // disabled in earnest, it would lose the focus
    mark(button, 'aria-disabled', 'true');
    trouble.clear();
    try {
      const body = sessionOf(preset, Object.fromEntries(new FormData(form)));
      await client.createSession(body);
      if (form.isConnected) open(body.session_id);
    } catch (error) {
      trouble.complain(error);
    } finally {
      mark(button, 'aria-disabled', null);
    }
  };
  const form = element(
    'form',
    { class: 'create', onsubmit: create },
    element(
      'fieldset',
      { class: 'cards' },
      element('legend', { class: 'unseen' }, 'What for?'),
      ...PRESETS.map((row, index) => card(row, index, choose)),
    ),
    fields,
    button,
  );
  choose();
  root.replaceChildren(
    heading(),
    element(
      'main',
      { class: 'home' },
      title,
      element(
        'p',
        { class: 'lead soft' },
        'Choose a clock and open it on as many screens as you like. All of them show the same time: ',
        'it is calculated from the server’s, and nothing is counted.',
      ),
      form,
      trouble.node,
      openForm(open),
    ),
    footer(),
  );
}

const heading = () =>
  element(
    'header',
    { class: 'bar' },
    element('a', { class: 'brand', href: '/' }, 'SyncKairos'),
    element(
      'nav',
      { class: 'row', 'aria-label': 'Elsewhere' },
      element('a', { href: '/docs' }, 'API'),
      element('a', { href: '/admin/' }, 'Dashboard'),
    ),
  );

function openForm(open) {
  const input = element('input', {
    name: 'session',
    required: true,
    maxlength: 64,
    pattern: '[A-Za-z0-9_.:\\-]+',
    placeholder: 'chess-k7m2px',
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
  });
  return element(
    'form',
    {
      class: 'row existing',
      onsubmit: (event) => {
        event.preventDefault();
        open(input.value);
      },
    },
    element('label', {}, 'Or open one that is there', input),
    element('button', {}, 'Open'),
  );
}

const footer = () =>
  element(
    'footer',
    { class: 'foot soft' },
    element(
      'p',
      {},
      'This installation: ',
      element('a', { href: '/health' }, 'health'),
      ', ',
      element('a', { href: '/ready' }, 'readiness'),
      ', ',
      element('a', { href: '/v1/time' }, 'time'),
    ),
  );
