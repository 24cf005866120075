// The list of live sessions with their clocks: filtered here, paged by the server, drawn each frame.

import { isNewer } from '/sdk/watch.js';
import { arrange, element, mark, reveal, write } from '../common/dom.js';
import { panesOf, titleOf } from '../common/panes.js';
import { readingOf } from '../common/reading.js';
import { listSessions } from './api.js';

class Row {
  #clock = element('time', { class: 'clock', 'aria-hidden': 'true' }); // the button's name does not tick
  #name = element('b');
  #facts = element('span', { class: 'soft' });
  #button;
  #state;
  #pane;

  constructor(choose) {
    this.#button = element(
      'button',
      { type: 'button', onclick: () => choose(this.#state.session_id) },
      element('span', { class: 'what' }, this.#name, this.#facts),
      this.#clock,
    );
    this.node = element('li', {}, this.#button);
  }

  update(state, chosen) {
    const panes = panesOf(state);
    this.#state = state;
    this.#pane = panes.find(({ active }) => active) ?? panes[0];
    const [title, who] = [titleOf(state), this.#pane?.name ?? ''];
    write(this.#name, state.session_id);
    write(
      this.#facts,
      [title, state.sync_mode, state.status, who === title ? '' : who].filter(Boolean).join(' · '),
    );
    mark(this.#button, 'aria-current', chosen ? 'true' : null);
  }

  draw(now) {
    if (!this.#pane) return;
    const { text, phase } = readingOf(this.#state, this.#pane, now);
    write(this.#clock, text);
    mark(this.#clock, 'data-phase', phase);
  }
}

export class Sessions {
  pages = 1; // how many are shown
  #nodes;
  #choose;
  #rows = new Map();
  #states = [];
  #told = new Map(); // states from elsewhere since the last reading began, by id
  #more = false;
  #isAwaited = false; // whether the next reading is one that somebody asked for
  #chosen = null;

  /**
   * @param {Record<'list' | 'count' | 'counted' | 'more', HTMLElement> & {filters: HTMLFormElement}} nodes
   * @param {object} hooks
   * @param {(sessionId: string) => void} hooks.choose
   * @param {() => void} hooks.reload another list is wanted: load it, and no other
   */
  constructor(nodes, { choose, reload }) {
    this.#nodes = nodes;
    this.#choose = choose;
    nodes.filters.addEventListener('submit', (event) => event.preventDefault());
    const { status, mode, text } = nodes.filters.elements;
    const ask = (pages) => {
      this.#isAwaited = true;
      this.pages = pages;
      reload();
    };
    for (const field of [mode, text]) field.addEventListener('input', () => this.#show({ aloud: true }));
    status.addEventListener('change', () => ask(1));
    nodes.more.addEventListener('click', () => ask(this.pages + 1));
  }

  /** @param {() => boolean} isLatest whether what is read is still wanted when it has come */
  async load(isLatest) {
    const status = this.#nodes.filters.elements.status.value;
    const states = [];
    let cursor = null;
    this.#told.clear();
    for (let page = 0; page < this.pages && (page === 0 || cursor); page++) {
      const answer = await listSessions(status, cursor);
      if (!isLatest()) return;
      states.push(...answer.data);
      cursor = answer.next_cursor;
    }
    this.#states = states.map((state) => this.#newest(state));
    this.#more = cursor !== null;
    this.#show({ aloud: this.#isAwaited });
    this.#isAwaited = false;
  }

  chosen(sessionId) {
    this.#chosen = sessionId;
    this.#show();
  }

  /** A state of one of them, from elsewhere. */
  update(state) {
    this.#told.set(state.session_id, state);
    this.#states = this.#states.map((old) => (old.session_id === state.session_id ? this.#newest(old) : old));
    this.#show();
  }

  #newest(state) {
    const told = this.#told.get(state.session_id);
    return told && isNewer(told, state) ? told : state;
  }

  #matches(state) {
    const { mode, text } = this.#nodes.filters.elements;
    const wanted = text.value.trim().toLowerCase();
    return (
      (!mode.value || state.sync_mode === mode.value) &&
      (!wanted || `${state.session_id} ${titleOf(state)}`.toLowerCase().includes(wanted))
    );
  }

  #show({ aloud = false } = {}) {
    const shown = this.#states.filter((state) => this.#matches(state));
    const old = this.#rows;
    this.#rows = new Map(shown.map((state) => [state.session_id, old.get(state.session_id) ?? new Row(this.#choose)]));
    shown.forEach((state) => this.#rows.get(state.session_id).update(state, state.session_id === this.#chosen));
    const { list, count, more } = this.#nodes;
    const nodes = [...this.#rows.values()].map(({ node }) => node);
    arrange(list, nodes, count);
    write(count, `${shown.length} of ${this.#more ? 'the first ' : ''}${this.#states.length}`);
    reveal(more, this.#more, count);
    this.#say(count.textContent, aloud);
  }

  // To screen readers, when it was asked for and not at each reading; nothing out of date stays there.
  #say(text, aloud) {
    const { counted } = this.#nodes;
    if (aloud) write(counted, text);
    else if (counted.textContent !== text) write(counted, '');
  }

  draw(now) {
    for (const row of this.#rows.values()) row.draw(now);
  }
}
