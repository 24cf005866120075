// What may be done to a session, as buttons that stay while it changes: one for its next step, two that end it.

import { element, mark, reveal, write } from '../common/dom.js';

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

export class Actions {
  #run;
  #refuge;
  #status = null;
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
    this.#status = status;
    const step = STEPS[status];
    if (step) write(this.#step, step[0]);
    reveal(this.#step, step !== undefined, this.#refuge);
    ENDINGS.forEach(([, statuses], i) =>
      reveal(this.#endings[i], status !== null && (!statuses || statuses.includes(status)), this.#refuge),
    );
  }

  // A second press while the first one is at work is none.
  #button(label, attributes, methodOf) {
    const button = element('button', { type: 'button', ...attributes }, label);
    button.addEventListener('click', async () => {
      if (button.getAttribute('aria-disabled')) return;
      const method = await methodOf();
      if (!method) return;
      mark(button, 'aria-disabled', 'true');
      await this.#run(method);
      mark(button, 'aria-disabled', null);
    });
    return button;
  }
}
