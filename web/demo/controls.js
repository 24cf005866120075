// What may be done to a session, by button and by key: rows of a table.

import { element, mark, write } from '../common/dom.js';
import { presetOf } from './presets.js';
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

/** Each: key, its name in the help, the label for a state (null: not now), and what it does. */
export const CONTROLS = [
  {
    key: ' ',
    shown: 'Space',
    help: 'start, switch, resume',
    main: true,
    label: (state) => next(state)?.text ?? null,
    run: (screen) => screen.operate(next(screen.state).run),
  },
  {
    key: 'p',
    shown: 'P',
    help: 'pause, resume',
    label: (state) => ({ running: 'Pause', paused: next(state) && 'Resume' })[state.status] ?? null,
    hidden: (state) => state.status !== 'running',
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
];

const CONFIRM_MS = 4000;

export class Controls {
  #screen;
  #buttons = new Map();
  #asked = 0; // the timer of a question that stands on a button

  constructor(screen) {
    this.#screen = screen;
    for (const control of CONTROLS) this.#buttons.set(control, this.#button(control));
    this.node = element(
      'div',
      { class: 'controls', role: 'toolbar', 'aria-label': 'Controls' },
      ...this.#buttons.values(),
    );
    this.onkey = (event) => this.#key(event);
  }

  #button(control) {
    return element(
      'button',
      {
        type: 'button',
        class: control.main ? 'primary large' : null,
        'data-control': control.key,
        'aria-keyshortcuts': control.shown,
        onclick: () => this.#run(control),
      },
      element('span'),
      element('kbd', { 'aria-hidden': 'true' }, control.shown),
    );
  }

  #key(event) {
    const typing = event.target.closest?.('input, select, textarea');
    const pressing = event.key === ' ' && event.target.closest?.('button, a, summary');
    if (typing || pressing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const control = CONTROLS.find(({ key }) => key === event.key.toLowerCase());
    if (!control) return;
    event.preventDefault();
    this.#run(control);
  }

  #run(control) {
    const { state } = this.#screen;
    if (!state || control.label(state) === null) return;
    if (control.confirm && !this.#asked) {
      this.#asked = setTimeout(() => this.#forget(), CONFIRM_MS);
      this.update();
      return;
    }
    if (control.confirm) this.#forget();
    Promise.resolve(control.run(this.#screen)).then(() => this.update());
  }

  #forget() {
    clearTimeout(this.#asked);
    this.#asked = 0;
    this.update();
  }

  update() {
    const { state } = this.#screen;
    for (const [control, button] of this.#buttons) {
      const label = state ? control.label(state) : null;
      button.hidden = label === null || Boolean(control.hidden?.(state));
      write(button.firstChild, control.confirm && this.#asked ? control.confirm : (label ?? ''));
      mark(button, 'aria-pressed', control.pressed ? String(control.pressed(this.#screen)) : null);
    }
  }
}
