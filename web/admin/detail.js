// One session: its clocks as they run, what may be done to it, and its history.

import { element, mark, write } from '../common/dom.js';
import { panesOf } from '../common/panes.js';
import { readingOf } from '../common/reading.js';
import { explain, newClient } from '../common/service.js';
import { Timeline } from './timeline.js';

const HISTORY_LAG_MS = 1200; // events reach PostgreSQL within a second or so

// Label, the statuses it is for, the client's method, and the question that stands before it.
const ACTIONS = [
  ['Start', ['pending'], 'startSession', null],
  ['Pause', ['running'], 'pauseSession', null],
  ['Resume', ['paused'], 'resumeSession', null],
  [
    'Complete',
    ['pending', 'running', 'paused', 'expired'],
    'completeSession',
    'Complete this session? It cannot be resumed.',
  ],
  ['Delete', null, 'deleteSession', 'Delete this session? Its screens are disconnected.'],
];

const ADJUSTMENTS = [
  ['−1 min', -60000],
  ['+1 min', 60000],
];
const hasBanks = (state) => ['per_participant', 'per_cycle', 'per_group'].includes(state.sync_mode);
const isLive = (state) => ['pending', 'running', 'paused'].includes(state.status);

async function confirmed(question) {
  const dialog = document.getElementById('confirm');
  dialog.querySelector('p').textContent = question;
  dialog.returnValue = 'no';
  dialog.showModal();
  await new Promise((resolve) => {
    dialog.addEventListener('close', resolve, { once: true });
  });
  return dialog.returnValue === 'yes';
}

export class Detail {
  #client = newClient();
  #sessionId;
  #state = null;
  #facts = element('p', { class: 'soft', role: 'status' });
  #actions = element('div', { class: 'row' });
  #clocks = element('ul', { class: 'clocks' });
  #problem = element('div', { role: 'alert' });
  #timeline;
  #drawn = [];
  #reload = 0; // the timer of the next reading of the history
  #behind = false; // something changed since the last one began

  /**
   * @param {HTMLElement} root
   * @param {string} sessionId
   * @param {(state: object) => void} onstate
   */
  constructor(root, sessionId, onstate) {
    this.#sessionId = sessionId;
    this.#timeline = new Timeline(sessionId);
    root.replaceChildren(
      element(
        'div',
        { class: 'row between' },
        element('h2', { id: 'detail-title' }, sessionId),
        element(
          'a',
          { href: `/#${new URLSearchParams({ session: sessionId })}`, target: '_blank', rel: 'noopener' },
          'On a screen',
        ),
      ),
      this.#facts,
      this.#actions,
      this.#problem,
      this.#clocks,
      this.#timeline.node,
    );
    this.#client.on('error', (error) => this.#complain(error));
    this.#client.on('connectionFailed', (error) => {
      if (!this.#state) write(this.#facts, explain(error));
    });
    this.#client.on('sessionDeleted', () => this.#deleted());
    this.#client.connectWebSocket(sessionId, (state) => {
      this.#take(state);
      onstate(state);
    });
    this.#timeline.load();
  }

  #take(state) {
    this.#state = state;
    write(
      this.#facts,
      [
        state.status,
        state.sync_mode,
        `cycle ${state.cycle_number}`,
        `version ${state.version}`,
        state.clock.overtime ? 'in overtime' : '',
      ]
        .filter(Boolean)
        .join(' · '),
    );
    this.#actions.replaceChildren(
      ...ACTIONS.filter(([, statuses]) => !statuses || statuses.includes(state.status)).map((action) =>
        this.#button(action),
      ),
    );
    this.#drawn = panesOf(state).map((pane) => ({ pane, clock: element('time', { class: 'clock' }) }));
    this.#keepFocus(() => this.#clocks.replaceChildren(...this.#drawn.map((row) => this.#row(row))));
    this.#readOn();
  }

  // While changes come faster than they reach PostgreSQL, one reading follows the other.
  #readOn() {
    this.#behind = true;
    this.#reload ||= setTimeout(async () => {
      this.#behind = false;
      await this.#timeline.load();
      this.#reload = 0;
      if (this.#behind) this.#readOn();
    }, HISTORY_LAG_MS);
  }

  // The buttons are made anew with each state; who was on one of them stays there.
  #keepFocus(change) {
    const label = this.#clocks.contains(document.activeElement)
      ? document.activeElement.getAttribute('aria-label')
      : null;
    change();
    if (label)
      [...this.#clocks.querySelectorAll('button')]
        .find((button) => button.getAttribute('aria-label') === label)
        ?.focus();
  }

  #row({ pane, clock }) {
    const adjustable = hasBanks(this.#state) && isLive(this.#state) && pane.participantId;
    const buttons = adjustable
      ? ADJUSTMENTS.map(([label, delta]) =>
          element(
            'button',
            {
              type: 'button',
              'aria-label': `${pane.name}: ${label}`,
              onclick: () =>
                this.#run(() =>
                  this.#client.adjustTime(this.#sessionId, pane.participantId, {
                    delta_ms: delta,
                    reason: 'dashboard',
                  }),
                ),
            },
            label,
          ),
        )
      : [];
    return element(
      'li',
      { 'data-active': pane.active || null },
      element('span', {}, element('b', {}, pane.name), ' ', element('span', { class: 'soft' }, pane.note)),
      clock,
      element('span', { class: 'row' }, ...buttons),
    );
  }

  #button([label, , method, question]) {
    return element(
      'button',
      {
        type: 'button',
        class: question ? 'danger' : null,
        onclick: async () => {
          if (!question || (await confirmed(question))) this.#run(() => this.#client[method](this.#sessionId));
        },
      },
      label,
    );
  }

  async #run(operation) {
    try {
      await operation();
      this.#complain(null);
    } catch (error) {
      this.#complain(error);
    }
  }

  #complain(error) {
    this.#problem.replaceChildren(error ? element('p', { class: 'notice' }, explain(error)) : '');
  }

  #deleted() {
    write(this.#facts, 'deleted');
    this.#actions.replaceChildren();
    this.#clocks.replaceChildren();
    this.#drawn = [];
    this.#readOn();
  }

  draw(now) {
    for (const { pane, clock } of this.#drawn) {
      const { text, phase } = readingOf(this.#state, pane, now);
      write(clock, text);
      mark(clock, 'data-phase', phase);
    }
  }

  close() {
    clearTimeout(this.#reload);
    this.#client.disconnect();
  }
}
