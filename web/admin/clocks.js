// The clocks of one session, a row each, with buttons that adjust them. Rows stay while the session changes.

import { arrange, element, mark, reveal, write } from '../common/dom.js';
import { panesOf } from '../common/panes.js';
import { readingOf } from '../common/reading.js';

const ADJUSTMENTS = [
  ['−1 min', -60000],
  ['+1 min', 60000],
];
const hasBanks = (state) => ['per_participant', 'per_cycle', 'per_group'].includes(state.sync_mode);
const isLive = (state) => ['pending', 'running', 'paused'].includes(state.status);

class ClockRow {
  #name = element('b');
  #note = element('span', { class: 'soft' });
  #clock = element('time', { class: 'clock' });
  #buttons;
  #row;
  #pane;
  #state;
  #refuge;
  #isDrawn = false;

  constructor(adjust, refuge) {
    this.#refuge = refuge;
    this.#buttons = ADJUSTMENTS.map(([label, deltaMs]) =>
      element('button', { type: 'button', onclick: () => adjust(this.#pane.participantId, deltaMs) }, label),
    );
    this.#row = element('span', { class: 'row' }, ...this.#buttons);
    this.node = element(
      'li',
      {},
      element('span', { class: 'what' }, this.#name, this.#note),
      this.#clock,
      this.#row,
    );
  }

  update(state, pane) {
    this.#state = state;
    this.#pane = pane;
    this.#isDrawn = false;
    write(this.#name, pane.name);
    write(this.#note, pane.note);
    mark(this.node, 'data-active', pane.active ? '' : null);
    ADJUSTMENTS.forEach(([label], i) => mark(this.#buttons[i], 'aria-label', `${pane.name}: ${label}`));
    reveal(this.#row, hasBanks(state) && isLive(state) && pane.participantId !== undefined, this.#refuge);
  }

  // Only an active clock moves by itself; a session may have a thousand that wait.
  draw(now) {
    if (this.#isDrawn && !this.#pane.active) return;
    const { text, phase } = readingOf(this.#state, this.#pane, now);
    write(this.#clock, text);
    mark(this.#clock, 'data-phase', phase);
    this.#isDrawn = true;
  }
}

export class Clocks {
  node = element('ul', { class: 'clocks' });
  #rows = new Map();
  #adjust;
  #refuge;

  /**
   * @param {(participantId: string, deltaMs: number) => void} adjust
   * @param {HTMLElement} refuge what has the focus when the row goes that had it
   */
  constructor(adjust, refuge) {
    this.#adjust = adjust;
    this.#refuge = refuge;
  }

  /** @param {object | null} state null: there is none any more */
  update(state) {
    const old = this.#rows;
    this.#rows = new Map(
      (state ? panesOf(state) : []).map((pane) => {
        const row = old.get(pane.key) ?? new ClockRow(this.#adjust, this.#refuge);
        row.update(state, pane);
        return [pane.key, row];
      }),
    );
    const nodes = [...this.#rows.values()].map(({ node }) => node);
    arrange(this.node, nodes, this.#refuge);
  }

  draw(now) {
    for (const row of this.#rows.values()) row.draw(now);
  }
}
