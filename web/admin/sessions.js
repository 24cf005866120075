// The list of live sessions with their clocks: filtered here, paged by the server, drawn each frame.

import { element, mark, write } from '../common/dom.js';
import { panesOf } from '../common/panes.js';
import { readingOf } from '../common/reading.js';
import { listSessions } from './api.js';

const titleOf = (state) => (typeof state.metadata?.title === 'string' ? state.metadata.title : '');
const activePane = (state) => {
  const panes = panesOf(state);
  return panes.find(({ active }) => active) ?? panes[0];
};

class Row {
  #clock = element('time', { class: 'clock' });
  #text = element('span', { class: 'what' });
  #button;
  #state;

  constructor(choose) {
    this.#button = element(
      'button',
      { type: 'button', onclick: () => choose(this.#state.session_id) },
      this.#text,
      this.#clock,
    );
    this.node = element('li', {}, this.#button);
  }

  update(state, chosen) {
    this.#state = state;
    const who = activePane(state)?.name;
    this.#text.replaceChildren(
      element('b', {}, state.session_id),
      element(
        'span',
        { class: 'soft' },
        [titleOf(state), state.sync_mode, state.status, who && who !== titleOf(state) ? who : '']
          .filter(Boolean)
          .join(' · '),
      ),
    );
    mark(this.#button, 'aria-current', chosen ? 'true' : null);
  }

  draw(now) {
    const pane = activePane(this.#state);
    if (!pane) return;
    const { text, phase } = readingOf(this.#state, pane, now);
    write(this.#clock, text);
    mark(this.#clock, 'data-phase', phase);
  }
}

export class Sessions {
  #nodes;
  #choose;
  #rows = new Map();
  #states = [];
  #pages = 1; // how many are shown
  #more = false;
  #chosen = null;

  /** @param {{list: HTMLElement, count: HTMLElement, more: HTMLElement, filters: HTMLFormElement}} nodes */
  constructor(nodes, choose) {
    this.#nodes = nodes;
    this.#choose = choose;
    nodes.filters.addEventListener('submit', (event) => event.preventDefault());
    nodes.filters.addEventListener('input', () => this.#show());
    nodes.filters.elements.status.addEventListener('change', () => {
      this.#pages = 1;
      nodes.list.dispatchEvent(new Event('refresh'));
    });
    nodes.more.addEventListener('click', () => {
      this.#pages++;
      nodes.list.dispatchEvent(new Event('refresh'));
    });
  }

  async load() {
    const status = this.#nodes.filters.elements.status.value;
    const states = [];
    let cursor = null;
    for (let page = 0; page < this.#pages && (page === 0 || cursor); page++) {
      const answer = await listSessions(status, cursor);
      states.push(...answer.data);
      cursor = answer.next_cursor;
    }
    this.#states = states;
    this.#more = cursor !== null;
    this.#show();
  }

  chosen(sessionId) {
    this.#chosen = sessionId;
    this.#show();
  }

  /** A newer state of one of them, from elsewhere. */
  update(state) {
    this.#states = this.#states.map((old) => (old.session_id === state.session_id ? state : old));
    this.#show();
  }

  #matches(state) {
    const { mode, text } = this.#nodes.filters.elements;
    const wanted = text.value.trim().toLowerCase();
    return (
      (!mode.value || state.sync_mode === mode.value) &&
      (!wanted || `${state.session_id} ${titleOf(state)}`.toLowerCase().includes(wanted))
    );
  }

  #show() {
    const shown = this.#states.filter((state) => this.#matches(state));
    const old = this.#rows;
    this.#rows = new Map(shown.map((state) => [state.session_id, old.get(state.session_id) ?? new Row(this.#choose)]));
    shown.forEach((state) => this.#rows.get(state.session_id).update(state, state.session_id === this.#chosen));
    const nodes = [...this.#rows.values()].map(({ node }) => node);
    const { list, count, more } = this.#nodes;
    if (nodes.length !== list.children.length || nodes.some((node, i) => node !== list.children[i]))
      list.replaceChildren(...nodes);
    write(count, `${shown.length} of ${this.#states.length}${this.#more ? ' and more' : ''}`);
    more.hidden = !this.#more;
  }

  draw(now) {
    for (const row of this.#rows.values()) row.draw(now);
  }
}
