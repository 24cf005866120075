// What may be done to a session, by button and by key: rows of a table.

import { element, mark, reveal, write } from '../common/dom.js';
import { isPress } from '../common/press.js';
import { announce } from './announcer.js';
import { keysDialog } from './keys.js';
import { presetOf } from './presets.js';
import * as shortcuts from './shortcuts.js';
import * as sound from './sound.js';

const live = (state) => ['pending', 'running', 'paused'].includes(state.status);

const switchLabel = (state) => {
  const preset = presetOf(state);
  return preset ? preset.switchLabel : 'Switch';
};

// The one thing that comes next.
function next(state) {
  if (state.status === 'pending') return { text: 'Start', run: 'startSession' };
  if (state.status === 'paused') return { text: 'Resume', run: 'resumeSession' };
  if (state.status === 'running' && switchLabel(state)) return { text: switchLabel(state), run: 'switchCycle' };
  return null;
}

/**
 * Each: key, its name in the help, the label for a state (null: not now), what it does, and whether that varies with
 * the state.
 */
export const CONTROLS = [
  {
    key: ' ',
    shown: 'Space',
    help: 'start, switch, resume',
    main: true,
    varies: true,
    label: (state) => next(state)?.text ?? null,
    run: (screen) => screen.operate(next(screen.state).run),
  },
  {
    key: 'p',
    shown: 'P',
    help: 'pause, resume',
    varies: true,
    label: (state) => (['running', 'paused'].includes(state.status) ? 'Pause' : null),
    pressed: ({ state }) => state?.status === 'paused',
    run: (screen) => screen.operate(screen.state.status === 'paused' ? 'resumeSession' : 'pauseSession'),
  },
  {
    key: 'e',
    shown: 'E',
    help: 'end the session',
    label: (state) => (live(state) && state.status !== 'pending' ? 'End' : null),
    confirm: 'Really end?',
    run: (screen) => screen.operate('completeSession'),
  },
  {
    key: 'i',
    shown: 'I',
    help: 'invite another screen',
    label: () => 'Invite',
    run: (screen) => screen.toggleInvite(),
    pressed: (screen) => screen.invites(),
  },
  { key: 's', shown: 'S', help: 'sound', label: () => 'Sound', run: () => sound.toggle(), pressed: () => sound.isOn() },
  {
    key: 'f',
    shown: 'F',
    help: 'full screen',
    label: () => (document.fullscreenEnabled ? 'Full screen' : null),
    run: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()),
    pressed: () => document.fullscreenElement !== null,
  },
  { key: 'k', shown: 'K', help: 'these keys', label: () => 'Keys', run: (screen) => screen.showKeys() },
];

const CONFIRM_MS = 4000;
const REACTION_MS = 300; // who presses so soon after a change has not seen it

export class Controls {
  #screen;
  #buttons = new Map();
  #asked = 0; // the timer of a question that stands on a button
  #held = 0; // the timer after a change by somebody else

  constructor(screen) {
    this.#screen = screen;
    for (const control of CONTROLS) this.#buttons.set(control, this.#button(control));
    this.node = element(
      'div',
      { class: 'controls', role: 'group', 'aria-label': 'Controls' },
      ...this.#buttons.values(),
    );
    this.help = keysDialog(CONTROLS, this.update);
    this.update();
    document.addEventListener('keydown', this.#onkey);
    document.addEventListener('click', shortcuts.releaseFocus, true);
    document.addEventListener('fullscreenchange', this.update);
  }

  #button(control) {
    return element(
      'button',
      {
        type: 'button',
        class: control.main ? 'primary large' : null,
        'data-control': control.key,
        onclick: (event) => isPress(event) && this.#run(control),
      },
      element('span'),
      element('kbd', { 'aria-hidden': 'true' }, control.shown),
    );
  }

  // A key that is held down is one press, and scrolls nothing meanwhile.
  #onkey = (event) => {
    const key = shortcuts.keyOf(event);
    const control = CONTROLS.find((row) => row.key === key);
    if (!control) return;
    event.preventDefault();
    if (!event.repeat) this.#run(control);
  };

  async #run(control) {
    const { state } = this.#screen;
    if (!state || control.label(state) === null || this.#isHeld(control)) return;
    if (control.confirm && !this.#asked) {
      this.#asked = setTimeout(this.#forget, CONFIRM_MS);
      announce(control.confirm);
      this.update();
      return;
    }
    if (control.confirm) this.#forget();
    try {
      await control.run(this.#screen);
    } catch (error) {
      this.#screen.complain(error);
    }
    this.update();
  }

  #forget = () => {
    clearTimeout(this.#asked);
    this.#asked = 0;
    this.update();
  };

  /** Somebody else changed what the controls do: until that can have been seen, a press was meant for before. */
  hold() {
    clearTimeout(this.#held);
    this.#held = setTimeout(() => {
      this.#held = 0;
      this.update();
    }, REACTION_MS);
  }

  #isHeld(control) {
    return Boolean(control.varies && this.#held);
  }

  update = () => {
    const { state, refuge } = this.#screen;
    const withKeys = shortcuts.areOn();
    mark(this.node, 'aria-busy', this.#screen.isWaiting() ? 'true' : null);
    mark(this.node, 'data-keys', withKeys ? 'on' : 'off');
    for (const [control, button] of this.#buttons) {
      const label = state ? control.label(state) : null;
      reveal(button, label !== null, refuge);
      write(button.firstChild, control.confirm && this.#asked ? control.confirm : (label ?? ''));
      mark(button, 'aria-disabled', this.#isHeld(control) ? 'true' : null);
      mark(button, 'aria-pressed', control.pressed ? String(control.pressed(this.#screen)) : null);
      mark(button, 'aria-keyshortcuts', withKeys ? control.shown : null);
    }
  };

  close() {
    clearTimeout(this.#asked);
    clearTimeout(this.#held);
    document.removeEventListener('keydown', this.#onkey);
    document.removeEventListener('click', shortcuts.releaseFocus, true);
    document.removeEventListener('fullscreenchange', this.update);
  }
}
