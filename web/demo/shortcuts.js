// Whether single keys do something. Who speaks to the device, or brushes against its keys, switches them off
// (WCAG 2.1.4); this browser remembers it.

const STORED = 'synckairos.shortcuts';

// A browser that keeps nothing for pages throws: the choice then lasts as long as the page.
function stored(access) {
  try {
    return access(localStorage);
  } catch {
    return null;
  }
}

let on = stored((storage) => storage.getItem(STORED)) !== 'off';

export const areOn = () => on;

/** @param {boolean} wanted */
export function set(wanted) {
  on = wanted;
  stored((storage) => (on ? storage.removeItem(STORED) : storage.setItem(STORED, 'off')));
}

/**
 * The key that a keyboard event presses as a shortcut, in lower case; null where it belongs to something else: to a
 * field, to the button or link that has the focus, to an open dialog, or to the browser.
 * @param {KeyboardEvent} event
 */
export function keyOf(event) {
  const modified = event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.isComposing;
  if (!on || modified || document.querySelector('dialog[open]')) return null;
  if (event.target.closest?.('input, select, textarea')) return null;
  if (event.key === ' ' && event.target.closest?.('button, a, summary')) return null;
  return event.key.toLowerCase();
}

/**
 * A button that was clicked keeps no focus: Space, pressed next, is the shortcut, and not its second press. For the
 * capture phase, so that what the click does may put the focus elsewhere.
 * @param {MouseEvent} event
 */
export function releaseFocus(event) {
  const byPointer = event.detail > 0;
  if (byPointer) event.target.closest('button, a, summary')?.blur();
}
