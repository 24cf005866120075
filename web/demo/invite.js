// The panel that brings a session to other screens: its link, to copy, and as a QR code.

import { drawing, element } from '../common/dom.js';
import { encode } from '../common/qr.js';
import { announce } from './announcer.js';

const QUIET = 4; // modules of light around a code

export function linkTo(sessionId) {
  const url = new URL('/', location.href);
  url.hash = new URLSearchParams({ session: sessionId });
  return url.href;
}

// As a code; in words where the text is longer than a code holds.
function qrCode(text) {
  let modules;
  try {
    modules = encode(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return element('p', { class: 'notice' }, 'The link is too long for a QR code: copy it instead.');
  }
  const size = modules.length + 2 * QUIET;
  const path = modules
    .flatMap((row, y) => row.map((dark, x) => (dark ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : '')))
    .join('');
  return drawing(
    'svg',
    { viewBox: `0 0 ${size} ${size}`, role: 'img', 'aria-label': `QR code of ${text}`, class: 'qr' },
    drawing('rect', { width: size, height: size, fill: '#fff' }),
    drawing('path', { d: path, fill: '#000', 'shape-rendering': 'crispEdges' }),
  );
}

// Where the page came by plain HTTP from another host, there is no clipboard: the field is selected instead, to be
// copied as the device does it.
async function copy(button, field) {
  try {
    await navigator.clipboard.writeText(field.value);
    button.textContent = 'Copied';
    announce('The link is copied');
  } catch {
    field.focus();
    field.select();
    button.textContent = 'Selected';
    announce('The link is selected, to be copied');
  }
  setTimeout(() => {
    button.textContent = 'Copy';
  }, 2000);
}

/** @returns {HTMLElement} */
export function invitePanel(sessionId) {
  const link = linkTo(sessionId);
  const field = element('input', { value: link, readonly: true, 'aria-label': 'Link to this session' });
  const button = element('button', { type: 'button', onclick: () => copy(button, field) }, 'Copy');
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
  return element(
    'section',
    { class: 'invite', 'aria-label': 'Open it on another screen' },
    element('h2', {}, 'Open it on another screen'),
    element('p', { class: 'soft' }, 'Every screen shows the same time, and any of them may switch.'),
    qrCode(link),
    element('div', { class: 'row link' }, field, button),
    // With its opener it begins with this window's token; else it would have none.
    element('a', { href: link, target: '_blank', rel: 'opener' }, 'A second window'),
    local
      ? element(
          'p',
          { class: 'soft small' },
          'A phone cannot reach this address: listen with BIND=0.0.0.0 and a key for tokens (JWT_SECRET), and open ',
          'the page by this computer’s name.',
        )
      : null,
  );
}
