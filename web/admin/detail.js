// One session: its clocks as they run, what may be done to it, and its history.

import { element, mark, reveal, write } from '../common/dom.js';
import { titleOf } from '../common/panes.js';
import { explain } from '../common/service.js';
import { Actions } from './actions.js';
import { Clocks } from './clocks.js';
import { Timeline } from './timeline.js';

const factsOf = (state) =>
  [
    state.sync_mode,
    `cycle ${state.cycle_number}`,
    `version ${state.version}`,
    state.clock.overtime ? 'in overtime' : '',
    titleOf(state),
  ]
    .filter(Boolean)
    .join(' · ');

export class Detail {
  #root;
  #client;
  #sessionId;
  #state = null;
  #status = element('b', { role: 'status' }, 'Connecting …');
  #facts = element('span');
  #link = element('p', { class: 'notice', role: 'status', hidden: true });
  #problem = element('p', { class: 'notice', role: 'alert', hidden: true });
  #actions;
  #clocks;
  #timeline;
  #offs; // what takes the handlers away again

  /**
   * @param {HTMLElement} root takes the focus when what had it goes
   * @param {import('/sdk/index.js').SyncKairosClient} client watches the session until close()
   * @param {string} sessionId
   * @param {(state: object) => void} onstate
   */
  constructor(root, client, sessionId, onstate) {
    this.#root = root;
    this.#client = client;
    this.#sessionId = sessionId;
    this.#actions = new Actions((method) => this.#run(() => client[method](sessionId)), root);
    this.#clocks = new Clocks((participantId, deltaMs) => this.#adjust(participantId, deltaMs), root);
    this.#timeline = new Timeline(sessionId);
    this.#build();
    this.#offs = this.#listen();
    client.connectWebSocket(sessionId, (state) => {
      this.#take(state);
      onstate(state);
    });
  }

  #build() {
    const screen = `/#${new URLSearchParams({ session: this.#sessionId })}`;
    mark(this.#root, 'data-connection', 'connecting');
    this.#root.replaceChildren(
      element(
        'div',
        { class: 'row between' },
        element('h2', { id: 'detail-title' }, this.#sessionId),
        // with its opener it has this tab's token
        element('a', { href: screen, target: '_blank', rel: 'opener' }, 'On a screen'),
      ),
      element('p', { class: 'facts' }, this.#status, this.#facts),
      this.#link,
      this.#actions.node,
      this.#problem,
      this.#clocks.node,
      this.#timeline.node,
    );
  }

  #listen() {
    const on = this.#client.on.bind(this.#client);
    return [
      on('connected', () => {
        this.#connection('connected', '');
        this.#complain(null);
      }),
      on('reconnecting', () =>
        this.#connection('reconnecting', 'There is no connection; trying again. What is shown may be out of date.'),
      ),
      on('connectionFailed', (error) => this.#failed(error)),
      on('sessionDeleted', () => this.#gone('deleted')),
      on('error', (error) => {
        if (error.code === 'SESSION_NOT_FOUND') this.#gone('The service does not know this session any more.');
        else this.#complain(error);
      }),
    ];
  }

  #connection(status, text) {
    mark(this.#root, 'data-connection', status);
    reveal(this.#link, text !== '', this.#root);
    write(this.#link, text);
  }

  #failed(error) {
    if (error.code === 'SESSION_NOT_FOUND') this.#gone(this.#state ? 'deleted' : 'There is no such session.');
    else this.#connection('failed', `Not connected: ${explain(error)}. What is shown may be out of date.`);
  }

  // Also of a session that was gone, and whose id is used again.
  #take(state) {
    this.#state = state;
    if (this.#client.status === 'connected') this.#connection('connected', '');
    write(this.#status, state.status);
    write(this.#facts, factsOf(state));
    this.#actions.update(state.status);
    this.#clocks.update(state);
    this.#timeline.expect(state.version);
  }

  #adjust(participantId, deltaMs) {
    const adjustment = { delta_ms: deltaMs, reason: 'dashboard' };
    return this.#run(() => this.#client.adjustTime(this.#sessionId, participantId, adjustment));
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
    reveal(this.#problem, error !== null, this.#root);
    write(this.#problem, error ? explain(error) : '');
  }

  #gone(text) {
    this.#connection('over', '');
    write(this.#status, text);
    write(this.#facts, '');
    this.#actions.update(null);
    this.#clocks.update(null);
    this.#timeline.expect(this.#state?.version ?? 0);
  }

  draw(now) {
    this.#clocks.draw(now);
  }

  close() {
    this.#offs.forEach((off) => off());
    this.#timeline.close();
    this.#client.disconnect();
  }
}
