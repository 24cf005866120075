// What may be done to a session, as buttons that stay while it changes: one for its next step, two that end it.

import { element, mark, reveal, write } from '../common/dom.js';
import { isPress } from '../common/press.js';

const REACTION_MS = 300; // who presses so soon after a change has not seen it

// By status: label, and the client's method.
const STEPS = {
  pending: ['Start', 'startSession'],
  running: ['Pause', 'pauseSession'],
  paused: ['Resume', 'resumeSession'],
};

// Label, the statuses it is for (null: any), the client's method, and the question that stands before it.
const ENDINGS = [
  [
    'Complete',
    ['pending', 'running', 'paused', 'expired'],
    'completeSession',
    'Complete this session? It cannot be resumed.',
  ],
  ['Delete', null, 'deleteSession', 'Delete this session? Its screens are disconnected.'],
];

// Who closes the dialog is back on the button that opened it.
async function confirmed(question) {
  const dialog = document.getElementById('confirm');
  write(dialog.querySelector('p'), question);
  dialog.returnValue = 'no';
  dialog.showModal();
  await new Promise((resolve) => {
    dialog.addEventListener('close', resolve, { once: true });
  });
  return dialog.returnValue === 'yes';
}

const isBusy = (button) => button.hasAttribute('aria-disabled');

export class Actions {
  #run;
  #refuge;
  #status = null;
  #held = 0; // the timer after a change by somebody else
  #step = this.#button('', {}, () => STEPS[this.#status]?.[1]);
  #endings = ENDINGS.map(([label, , method, question]) =>
    this.#button(label, { class: 'danger' }, async () => (await confirmed(question)) && method),
  );
  node = element('div', { class: 'row' }, this.#step, ...this.#endings);

  /**
   * @param {(method: string) => Promise<void>} run one of the client's methods; never rejects
   * @param {HTMLElement} refuge what has the focus when the button goes that had it
   */
  constructor(run, refuge) {
    this.#run = run;
    this.#refuge = refuge;
    this.update(null);
  }

  /** @param {string | null} status the session's; null: there is none */
  update(status) {
    const before = STEPS[this.#status];
    const step = STEPS[status];
    const isOwn = isBusy(this.#step) && !this.#held;
    if (before && step !== before && !isOwn) this.#hold();
    this.#status = status;
    if (step) write(this.#step, step[0]);
    reveal(this.#step, step !== undefined, this.#refuge);
    ENDINGS.forEach(([, statuses], i) =>
      reveal(this.#endings[i], status !== null && (!statuses || statuses.includes(status)), this.#refuge),
    );
  }

  // Until its new label can have been seen, a press was meant for the old one.
  #hold() {
    clearTimeout(this.#held);
    mark(this.#step, 'aria-disabled', 'true');
    this.#held = setTimeout(() => {
      this.#held = 0;
      mark(this.#step, 'aria-disabled', null);
    }, REACTION_MS);
  }

  // A second press while the first one is at work is none.
  #button(label, attributes, methodOf) {
    const button = element('button', { type: 'button', ...attributes }, label);
    button.addEventListener('click', async (event) => {
      if (!isPress(event) || isBusy(button)) return;
      const method = await methodOf();
      if (!method) return;
      mark(button, 'aria-disabled', 'true');
      await this.#run(method);
      mark(button, 'aria-disabled', null);
    });
    return button;
  }
}
