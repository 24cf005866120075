// The client: one service, any number of sessions through REST, one of them watched through a WebSocket.

import { SyncKairosError } from './errors.js';
import { Events, guarded } from './events.js';
import { Http } from './http.js';
import { absoluteUrl, platform as host } from './platform.js';
import { LONGEST_RTT_MS, sampleOf } from './server-time.js';
import { SessionSocket } from './socket.js';
import { TimeSync } from './time-sync.js';
import { Tokens } from './tokens.js';

/** @typedef {import('./types.js').SessionState} SessionState */
/** @typedef {import('./types.js').ClientEvents} ClientEvents */
/** @typedef {import('./server-time.js').Sample} Sample */

/**
 * Whether a state replaces another (docs/websocket.md, "Order").
 * @param {SessionState} state
 * @param {SessionState | null} last
 */
function isNewer(state, last) {
  return !last || state.updated_at_ms > last.updated_at_ms
    || (state.updated_at_ms === last.updated_at_ms && state.version > last.version);
}

/**
 * What a switch must find, so that it ends the cycle it was meant for and no other.
 * @param {SessionState} state
 */
function guardOf({ active_participant_id: active, cycle_number: cycle }) {
  return active === null ? { current_cycle_number: cycle } : { current_participant_id: active };
}

export class SyncKairosClient {
  #http;
  #wsUrl;
  #tokens;
  #platform;
  #WebSocket;
  #maxAttempts;
  #time;
  #events = new Events();
  /** @type {SessionSocket | null} */
  #socket = null;
  #watched = '';
  /** @type {SessionState | null} of the watched session */
  #state = null;
  /** @type {(state: SessionState) => void} */
  #onUpdate = () => {};
  #ignoreWakes = () => {};

  /**
   * @param {string} apiUrl such as `https://clocks.example`; in a page also relative to it
   * @param {string} wsUrl such as `wss://clocks.example/ws`
   * @param {import('./types.js').ClientOptions} [options]
   */
  constructor(apiUrl, wsUrl, options = {}) {
    this.#platform = { ...host, ...options.platform };
    this.#tokens = new Tokens(options.token);
    const api = absoluteUrl(apiUrl, 'apiUrl', ['http:', 'https:']);
    this.#http = new Http(`${api.origin}${api.pathname.replace(/\/+$/, '')}`, this.#tokens, this.#platform);
    this.#wsUrl = absoluteUrl(wsUrl, 'wsUrl', ['ws:', 'wss:']);
    this.#WebSocket = options.WebSocket ?? globalThis.WebSocket;
    this.#maxAttempts = options.maxAttempts ?? 10;
    this.#time = new TimeSync(this.#platform, this.#events, () => this.#sample());
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
   * that the server shows when it is asked. It is refused, and nothing happens, where that one has ended already.
   * @param {string} sessionId
   * @param {string | null} [currentParticipantId]
   * @param {string | null} [nextParticipantId] in place of the rotation
   */
  async switchCycle(sessionId, currentParticipantId, nextParticipantId) {
    const guard = currentParticipantId != null ? { current_participant_id: currentParticipantId }
      : guardOf(this.#known(sessionId) ?? await this.getSession(sessionId));
    const next = nextParticipantId != null ? { next_participant_id: nextParticipantId } : {};
    return this.#operate(sessionId, 'switch', { ...guard, ...next });
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
  addParticipant(sessionId, participant) {
    return this.#change('POST', `${pathOf(sessionId)}/participants`, participant);
  }

  /**
   * @param {string} sessionId
   * @param {string} participantId
   * @param {import('./types.js').Adjustment} adjustment
   */
  adjustTime(sessionId, participantId, adjustment) {
    return this.#change('PATCH', `${pathOf(sessionId)}/participants/${encodeURIComponent(participantId)}`, adjustment);
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
    this.disconnect();
    const url = new URL(this.#wsUrl);
    url.searchParams.set('sessionId', sessionId);
    const socket = this.#newSocket(url.href, sessionId);
    this.#socket = socket;
    this.#watched = sessionId;
    this.#onUpdate = onUpdate;
    this.#ignoreWakes = this.#platform.onWake(() => socket.wake());
    socket.open();
  }

  disconnect() {
    const socket = this.#socket;
    this.#ignoreWakes();
    this.#socket = null;
    this.#state = null;
    socket?.close();
  }

  /** @returns {import('./types.js').ConnectionStatus} */
  get status() {
    return this.#socket?.status ?? 'disconnected';
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
   * Rejects with TIME_SYNC_FAILED where no answer came within half a second.
   */
  syncServerTime() {
    return this.#time.sync();
  }

  /** @returns {Promise<Sample | null>} */
  async #sample() {
    if (this.#socket?.status === 'connected') {
      return this.#socket.ask(LONGEST_RTT_MS);
    }
    const sent = this.#platform.now();
    const { timestamp_ms: serverTime } = await this.#http.once('/v1/time', {});
    return sampleOf(sent, this.#platform.now(), serverTime);
  }

  // --- what comes in ---

  /**
   * @param {string} url
   * @param {string} sessionId
   */
  #newSocket(url, sessionId) {
    const options = {
      url, sessionId, tokens: this.#tokens, platform: this.#platform, WebSocket: this.#WebSocket,
      maxAttempts: this.#maxAttempts,
    };
    return new SessionSocket(options, {
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

  // --- what goes out ---

  /**
   * @param {string} sessionId
   * @param {string} operation
   * @param {object} [body]
   */
  #operate(sessionId, operation, body = {}) {
    return this.#change('POST', `${pathOf(sessionId)}/${operation}`, body);
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
   * An answer about the watched session is shown at once: its update may come later.
   * @param {{data: SessionState}} answer
   * @returns {SessionState}
   */
  #answered({ data }) {
    if (this.#known(data.session_id)) {
      this.#showNewer(data);
    }
    return data;
  }

  /** @param {string} sessionId */
  #known(sessionId) {
    return this.status !== 'disconnected' && this.#watched === sessionId ? this.#state : null;
  }
}

/** @param {string} sessionId */
const pathOf = (sessionId) => `/v1/sessions/${encodeURIComponent(sessionId)}`;
