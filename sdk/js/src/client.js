// The client: one service, any number of sessions through REST, one of them watched through a WebSocket.

import { Events } from './events.js';
import { Http } from './http.js';
import { sessionOf, timeOf } from './incoming.js';
import { reconnection } from './options.js';
import { absoluteUrl, platform as host } from './platform.js';
import { LONGEST_RTT_MS, sampleOf } from './server-time.js';
import { TimeSync } from './time-sync.js';
import { Tokens } from './tokens.js';
import { Watch } from './watch.js';

/** @typedef {import('./types.js').SessionState} SessionState */
/** @typedef {import('./types.js').ClientEvents} ClientEvents */
/** @typedef {import('./server-time.js').Sample} Sample */

const SAMPLE_TIMEOUT_MS = 2000; // a first request may need a connection, whose next one is quick

/**
 * What a switch must find, so that it ends the cycle it was meant for and no other: that of a participant, or whoever
 * is active, and by its number where the state shows them active.
 * @param {SessionState | null} state as far as it is known
 * @param {string | null | undefined} participantId
 */
function guardOf(state, participantId) {
  const active = participantId ?? state?.active_participant_id ?? null;
  return {
    ...(active !== null && { current_participant_id: active }),
    ...(state?.active_participant_id === active && { current_cycle_number: state.cycle_number }),
  };
}

export class SyncKairosClient {
  #http;
  #platform;
  #WebSocket;
  #time;
  #watch;
  #events = new Events();

  /**
   * @param {string} apiUrl such as `https://clocks.example`; in a page also relative to it
   * @param {string} wsUrl such as `wss://clocks.example/ws`
   * @param {import('./types.js').ClientOptions} [options]
   */
  constructor(apiUrl, wsUrl, options = {}) {
    const platform = { ...host, ...options.platform };
    const tokens = new Tokens(options.token, platform);
    const api = absoluteUrl(apiUrl, 'apiUrl', ['http:', 'https:']);
    this.#platform = platform;
    this.#http = new Http(`${api.origin}${api.pathname.replace(/\/+$/, '')}`, tokens, platform);
    this.#time = new TimeSync(platform, this.#events, () => this.#sample());
    this.#WebSocket = options.WebSocket ?? globalThis.WebSocket;
    this.#watch = new Watch(absoluteUrl(wsUrl, 'wsUrl', ['ws:', 'wss:']),
      { tokens, platform, WebSocket: this.#WebSocket, ...reconnection(options) }, this.#events, this.#time);
  }

  // --- sessions: each of these answers with the state after it ---

  /**
   * @param {import('./types.js').SessionConfig} config
   */
  createSession(config) {
    return this.#change('POST', '/v1/sessions', config);
  }

  /** @param {string} sessionId */
  startSession(sessionId) {
    return this.#operate(sessionId, 'start');
  }

  /**
   * Ends a cycle. Which one: that of the participant given, else the one that the watched state shows, else the one
   * that the server shows when it is asked. Where the state is known that shows it, it is meant by its number, too. It
   * is refused, and nothing happens, where that one has ended already.
   * @param {string} sessionId
   * @param {string | null} [currentParticipantId]
   * @param {string | null} [nextParticipantId] in place of the rotation
   */
  async switchCycle(sessionId, currentParticipantId, nextParticipantId) {
    const known = this.#watch.known(sessionId)
      ?? (currentParticipantId == null ? await this.getSession(sessionId) : null);
    const next = nextParticipantId != null ? { next_participant_id: nextParticipantId } : {};
    return this.#operate(sessionId, 'switch', { ...guardOf(known, currentParticipantId), ...next });
  }

  /** @param {string} sessionId */
  async getSession(sessionId) {
    return this.#answered(await this.#http.call('GET', pathOf(sessionId)));
  }

  /** @param {string} sessionId */
  pauseSession(sessionId) {
    return this.#operate(sessionId, 'pause');
  }

  /** @param {string} sessionId */
  resumeSession(sessionId) {
    return this.#operate(sessionId, 'resume');
  }

  /** @param {string} sessionId */
  completeSession(sessionId) {
    return this.#operate(sessionId, 'complete');
  }

  /** @param {string} sessionId */
  cancelSession(sessionId) {
    return this.#operate(sessionId, 'cancel');
  }

  /**
   * @param {string} sessionId
   * @returns {Promise<void>}
   */
  async deleteSession(sessionId) {
    await this.#http.call('DELETE', pathOf(sessionId));
  }

  /**
   * @param {string} sessionId
   * @param {import('./types.js').NewParticipant} participant
   */
  async addParticipant(sessionId, participant) {
    return this.#change('POST', pathOf(sessionId, 'participants'), participant);
  }

  /**
   * @param {string} sessionId
   * @param {string} participantId
   * @param {import('./types.js').Adjustment} adjustment
   */
  async adjustTime(sessionId, participantId, adjustment) {
    return this.#change('PATCH', pathOf(sessionId, 'participants', participantId), adjustment);
  }

  // --- watching ---

  /**
   * Watches a session until disconnect(), or until it is deleted; of one watched before it lets go. Events say how the
   * connection is.
   * @param {string} sessionId
   * @param {(state: SessionState) => void} [onUpdate] called with every new state, the first one included
   */
  connectWebSocket(sessionId, onUpdate = () => {}) {
    if (!this.#WebSocket) {
      throw new TypeError('there is no WebSocket here: hand a class in, as the option WebSocket');
    }
    checkId(sessionId);
    this.#watch.begin(sessionId, onUpdate);
  }

  disconnect() {
    this.#watch.end();
  }

  /** @returns {import('./types.js').ConnectionStatus} */
  get status() {
    return this.#watch.status;
  }

  /**
   * Returns what takes the handler away again.
   * @template {keyof ClientEvents} Name
   * @param {Name} name
   * @param {(payload: ClientEvents[Name]) => void} handler
   */
  on(name, handler) {
    return this.#events.on(name, handler);
  }

  /**
   * @template {keyof ClientEvents} Name
   * @param {Name} name
   * @param {(payload: ClientEvents[Name]) => void} handler
   */
  off(name, handler) {
    this.#events.off(name, handler);
  }

  // --- time ---

  /**
   * The server's time now, in milliseconds since 1970. Before the first synchronisation it is the device's; from then
   * on it never goes back, but where it turns out to have been more than a second ahead.
   */
  getServerTime() {
    return this.#time.now();
  }

  clock() {
    return this.#time.reading();
  }

  /**
   * Asks the server for its time, through the connection where there is one. A connection does this by itself.
   * Within a second after that was done nothing is asked. Rejects with TIME_SYNC_FAILED where no answer came within half
   * a second.
   */
  syncServerTime() {
    return this.#time.sync();
  }

  /** @returns {Promise<Sample | null>} */
  async #sample() {
    if (this.status === 'connected') {
      return this.#watch.sample(LONGEST_RTT_MS);
    }
    const sent = this.#platform.now();
    const answer = await this.#http.once('/v1/time', { method: 'GET' }, SAMPLE_TIMEOUT_MS);
    const received = this.#platform.now();
    return sampleOf(sent, received, timeOf(answer));
  }

  // --- what goes out ---

  /**
   * @param {string} sessionId
   * @param {string} operation
   * @param {object} [body]
   */
  async #operate(sessionId, operation, body = {}) {
    return this.#change('POST', pathOf(sessionId, operation), body);
  }

  /**
   * @param {'POST' | 'PATCH'} method
   * @param {string} path
   * @param {object} body
   */
  async #change(method, path, body) {
    return this.#answered(await this.#http.call(method, path, body));
  }

  /**
   * @param {any} answer
   * @returns {SessionState}
   */
  #answered(answer) {
    const state = sessionOf(answer);
    this.#watch.answered(state);
    return state;
  }
}

/** @param {string[]} names a session's id, and what is meant of it */
function pathOf(...names) {
  names.forEach(checkId);
  return ['/v1/sessions', ...names.map(encodeURIComponent)].join('/');
}

/** @param {unknown} id */
function checkId(id) {
  if (typeof id !== 'string' || id === '') {
    throw new TypeError(`an id must be a string that is not empty: ${String(id)}`);
  }
}
