// Shows how the page stands with the server: connected or not, and how well it knows the server's time.

import { element, mark, write } from '../common/dom.js';

const inUnits = (ms) => (ms < 10000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(1)} s`);
const signed = (ms) => `${ms < 0 ? '−' : '+'}${inUnits(Math.abs(ms))}`;
const plain = (ms) => (ms === null ? '–' : `${ms.toFixed(1)} ms`);

const TEXTS = {
  connecting: 'Connecting …',
  connected: 'In sync',
  reconnecting: 'Trying again …',
  failed: 'Not connected',
  over: 'Closed',
};

export class Connection {
  #text = element('span');
  #rows = Object.fromEntries(
    ['Server ahead of this device by', 'known to', 'Round trip', 'Server time'].map((name) => [
      name,
      element('dd', { class: 'figure' }, '–'),
    ]),
  );
  #status = 'connecting';

  constructor() {
    this.node = element(
      'details',
      { class: 'connection', 'data-status': this.#status },
      element('summary', {}, this.#text),
      element('dl', {}, ...Object.entries(this.#rows).flatMap(([name, value]) => [element('dt', {}, name), value])),
    );
    write(this.#text, TEXTS.connecting);
  }

  /** @param {keyof typeof TEXTS} status */
  show(status, text = TEXTS[status]) {
    this.#status = status;
    mark(this.node, 'data-status', status);
    write(this.#text, text);
  }

  /** @param {import('/sdk/index.js').SyncKairosClient} client */
  measure(client) {
    const { offset, error, rtt } = client.clock();
    if (this.#status === 'connected')
      write(this.#text, error === null ? TEXTS.connected : `In sync ± ${Math.max(1, Math.ceil(error))} ms`);
    const values = [
      error === null ? '–' : signed(offset),
      error === null ? '–' : `± ${plain(error)}`,
      plain(rtt),
      new Date(client.getServerTime()).toISOString().slice(11, 19) + ' UTC',
    ];
    Object.values(this.#rows).forEach((node, i) => write(node, values[i]));
  }
}
