// The session that a client watches: its newest state, and the connection that tells it.

import { SyncKairosError } from './errors.js';
import { guarded } from './events.js';
import { SessionSocket } from './socket.js';

/** @typedef {import('./types.js').SessionState} SessionState */

/**
 * Whether a state replaces another (docs/websocket.md, "Order").
 * @param {SessionState} state
 * @param {SessionState | null} last
 */
export function isNewer(state, last) {
  return !last || state.updated_at_ms > last.updated_at_ms
    || (state.updated_at_ms === last.updated_at_ms && state.version > last.version);
}

export class Watch {
  #wsUrl;
  #options;
  #events;
  #time;
  /** @type {SessionSocket | null} */
  #socket = null;
  #sessionId = '';
  /** @type {SessionState | null} */
  #state = null;
  /** @type {(state: SessionState) => void} */
  #onUpdate = () => {};

  /**
   * @param {URL} wsUrl
   * @param {Omit<import('./socket.js').SocketOptions, 'url' | 'sessionId'>} options
   * @param {import('./events.js').Events} events
   * @param {import('./time-sync.js').TimeSync} time
   */
  constructor(wsUrl, options, events, time) {
    this.#wsUrl = wsUrl;
    this.#options = options;
    this.#events = events;
    this.#time = time;
  }

  /**
   * @param {string} sessionId
   * @param {(state: SessionState) => void} onUpdate
   */
  begin(sessionId, onUpdate) {
    while (this.#socket) { // a handler of what the end emits may have begun another
      this.end();
    }
    const url = new URL(this.#wsUrl);
    url.searchParams.set('sessionId', sessionId);
    this.#sessionId = sessionId;
    this.#onUpdate = onUpdate;
    this.#socket = this.#newSocket(url.href, sessionId);
    this.#socket.start();
  }

  end() {
    const socket = this.#socket;
    this.#socket = null;
    this.#state = null;
    socket?.close();
  }

  get status() {
    return this.#socket?.status ?? 'disconnected';
  }

  /**
   * A sample of the server's time; null where none came in time, or there is no connection.
   * @param {number} withinMs
   */
  async sample(withinMs) {
    return this.#socket?.ask(withinMs) ?? null;
  }

  /**
   * The newest state of a session, if it is the one that is watched.
   * @param {string} sessionId
   */
  known(sessionId) {
    return this.status !== 'disconnected' && this.#sessionId === sessionId ? this.#state : null;
  }

  /**
   * What REST answered: about the session that is watched it is shown at once, because its update may come later.
   * @param {SessionState} state
   */
  answered(state) {
    if (this.known(state.session_id)) {
      this.#showNewer(state);
    }
  }

  /**
   * @param {string} url
   * @param {string} sessionId
   */
  #newSocket(url, sessionId) {
    return new SessionSocket({ ...this.#options, url, sessionId }, {
      emit: (name, payload) => {
        this.#events.emit(name, payload);
        if (name === 'connected') {
          this.#time.syncQuietly();
        }
      },
      frame: (frame) => this.#receive(frame),
      resume: () => this.#state
        && { last_known_version: this.#state.version, updated_at_ms: this.#state.updated_at_ms },
      sampled: (sample) => this.#time.add(sample),
      guessed: (sample) => this.#time.guess(sample),
      woke: () => this.#time.syncQuietly(),
    });
  }

  /** @param {any} frame */
  #receive(frame) {
    switch (frame.type) {
      case 'STATE_SYNC':
        this.#socket?.settle();
        this.#show(frame.payload);
        break;
      case 'STATE_UPDATE':
        this.#showNewer(frame.payload);
        break;
      case 'TIME_WARNING':
        this.#events.emit('timeWarning', frame.payload);
        break;
      case 'TIME_EXPIRED':
        this.#events.emit('timeExpired', frame.payload);
        break;
      case 'SESSION_DELETED':
        this.#events.emit('sessionDeleted', { sessionId: frame.sessionId });
        break;
      case 'ERROR':
        this.#events.emit('error', new SyncKairosError(frame.code, frame.message));
        break;
      default: // what a newer server may send
    }
  }

  /** @param {SessionState} state */
  #show(state) {
    this.#state = state;
    guarded(this.#onUpdate, state);
    this.#events.emit('stateUpdate', state);
  }

  /** @param {SessionState} state */
  #showNewer(state) {
    if (isNewer(state, this.#state)) {
      this.#show(state);
    }
  }
}
