// Says what went wrong, and offers what may help: another token, another attempt, the way home.

import { element, reveal, write } from '../common/dom.js';
import { explain, isTokenMissing } from '../common/service.js';
import { signInForm } from '../common/sign-in.js';

const READABLE_MS = 5000; // a complaint stays at least so long, whatever the others do meanwhile

// By close code (docs/websocket.md, "Closing"): those after which the client does not connect again by itself.
const ENDS = {
  1008: { text: 'The service refused the connection', reason: true, again: true },
  1009: { text: 'This page sent more than the service takes.', again: true },
  4001: { text: 'This service asks for a token.', token: true },
  4003: { text: 'The service does not let this page in', reason: true, token: true, again: true },
  4004: { text: 'There is no such session.', again: true },
  4009: { text: 'The token has expired.', token: true },
};
const OTHER_END = { text: 'There is no connection', reason: true, again: true };

export class Trouble {
  #refuge;
  #text = element('p', { class: 'notice' });
  #again;
  #ways; // out of an end
  #signIn = null; // once it is there it stays, lest half a token be lost
  #since = 0; // when the complaint was made
  #ended = false;

  /**
   * @param {HTMLElement} refuge what has the focus when it was in something that goes
   * @param {() => void} [onagain]
   */
  constructor(refuge, onagain) {
    this.#refuge = refuge;
    this.#again = element('button', { type: 'button', onclick: onagain }, 'Try again');
    this.#ways = element('p', { class: 'row' }, this.#again, element('a', { href: '/#' }, 'Make another clock'));
    this.node = element('div', { class: 'problem' }, element('div', { role: 'alert' }, this.#text), this.#ways);
    this.#hide();
  }

  /** Something was refused; the session goes on. */
  complain(error) {
    this.#since = performance.now();
    this.#show(explain(error), isTokenMissing(error));
  }

  /** The connection ended, and nobody tries again. */
  end(error) {
    const { text, reason, again, token } = ENDS[error.status] ?? OTHER_END;
    this.#finish(reason ? `${text}: ${explain(error)}.` : text, again, token);
  }

  /** The session itself is gone, which no attempt mends. */
  gone(text) {
    this.#finish(text, false, false);
  }

  /** There is news: a complaint about what was before goes, once it could be read. */
  settle() {
    if (performance.now() - this.#since > READABLE_MS) this.clear();
  }

  /** What was asked last was done. That the connection ended is still so. */
  clear() {
    if (!this.#ended) this.#hide();
  }

  /** There is a connection. */
  recover() {
    this.#ended = false;
    this.#hide();
  }

  #finish(text, again = false, token = false) {
    this.#ended = true;
    this.#again.hidden = !again;
    this.#show(text, token);
  }

  #show(text, token) {
    this.node.hidden = this.#text.hidden = false;
    this.#ways.hidden = !this.#ended;
    write(this.#text, text);
    if (!token) return;
    if (!this.#signIn) this.node.append((this.#signIn = signInForm()));
    this.#signIn.hidden = false;
  }

  #hide() {
    const typed = Boolean(this.#signIn?.querySelector('input').value);
    this.#text.hidden = true;
    reveal(this.#ways, false, this.#refuge);
    if (this.#signIn) reveal(this.#signIn, typed, this.#refuge);
    this.node.hidden = !typed;
  }
}
