// What a client watches, for any number of components: one connection for all that show a session, from the first to
// the last of them. Knows no React but the shape of its external stores.

import { SyncKairosError } from '@synckairos/client';

/** @typedef {import('@synckairos/client').SyncKairosClient} SyncKairosClient */
/** @typedef {import('@synckairos/client').SessionState} SessionState */
/** @typedef {() => void} Listener */

/**
 * What a component shows; the same object until something of it changes.
 * @typedef {object} Snapshot
 * @property {SessionState | null} sessionState
 * @property {boolean} isConnected
 * @property {SyncKairosError | null} error
 */

/** @type {Readonly<Snapshot>} */
export const NOTHING = Object.freeze({ sessionState: null, isConnected: false, error: null });

/** @type {Readonly<Snapshot>} */
const REPLACED = Object.freeze({
  ...NOTHING,
  error: new SyncKairosError('SESSION_REPLACED', 'its client watches another session now: each takes a client of its own'),
});

/**
 * A state's content, without what was calculated for the instant at which the server made it.
 * @param {SessionState} state
 */
function contentOf(state) {
  const calculated = new Set(['time_remaining_ms', 'time_elapsed_ms']);
  return JSON.stringify(state, (key, value) => (calculated.has(key) ? undefined : value));
}

/**
 * Whether both draw the same. A version alone does not say it: a state may show an expiry that is not committed yet.
 * @param {SessionState | null} a
 * @param {SessionState} b
 */
function isSame(a, b) {
  return a !== null && a.version === b.version && a.updated_at_ms === b.updated_at_ms && contentOf(a) === contentOf(b);
}

/**
 * What an error changes: of a session that is gone no clock may run on.
 * @param {SyncKairosError} error
 * @returns {Partial<Snapshot>}
 */
function failed(error) {
  return error.code === 'SESSION_NOT_FOUND' ? { sessionState: null, error } : { error };
}

export class Watch {
  #client;
  /** @type {Map<string, Set<Listener>>} by session, the one that came last at the end */
  #listeners = new Map();
  /** @type {string | null} the one that is connected */
  #sessionId = null;
  /** @type {Readonly<Snapshot>} */
  #snapshot = NOTHING;
  /** @type {(() => void)[]} */
  #leaveEvents = [];

  /** @param {SyncKairosClient} client */
  constructor(client) {
    this.#client = client;
  }

  /**
   * @param {string} sessionId
   * @returns {Readonly<Snapshot>}
   */
  snapshot(sessionId) {
    if (sessionId === this.#sessionId) {
      return this.#snapshot;
    }
    return this.#listeners.has(sessionId) ? REPLACED : NOTHING;
  }

  /**
   * Returns what ends it. The connection outlives that by a microtask: Strict Mode, and a component that another takes
   * the place of, come back at once.
   * @param {string} sessionId
   * @param {Listener} listener
   */
  subscribe(sessionId, listener) {
    if (sessionId !== this.#sessionId) {
      this.#begin(sessionId);
    }
    const listeners = this.#listeners.get(sessionId) ?? new Set();
    this.#listeners.delete(sessionId);
    this.#listeners.set(sessionId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) {
        this.#listeners.delete(sessionId);
        queueMicrotask(() => this.#settle());
      }
    };
  }

  /**
   * Makes a change; how it fails is shown, too, so that whoever calls may leave its promise alone.
   * @template Result
   * @param {string} sessionId
   * @param {() => Promise<Result>} operation
   */
  change(sessionId, operation) {
    this.#show(sessionId, { error: null });
    const outcome = operation();
    outcome.catch((error) => this.#show(sessionId, failed(error)));
    return outcome;
  }

  /** @param {string} sessionId */
  #begin(sessionId) {
    this.#client.connectWebSocket(sessionId);
    if (this.#sessionId === null) {
      this.#joinEvents();
    }
    const before = this.#sessionId;
    this.#sessionId = sessionId;
    this.#snapshot = NOTHING;
    this.#tell(before);
    this.#tell(sessionId);
  }

  #end() {
    this.#leaveEvents.splice(0).forEach((leave) => leave());
    this.#sessionId = null;
    this.#snapshot = NOTHING;
    this.#client.disconnect();
  }

  /** Nobody shows the session that is connected: another has been waiting for its turn, or that was all. */
  #settle() {
    if (this.#sessionId === null || this.#listeners.has(this.#sessionId)) {
      return;
    }
    const waiting = [...this.#listeners.keys()].at(-1);
    if (waiting === undefined) {
      this.#end();
    } else {
      this.#begin(waiting);
    }
  }

  #joinEvents() {
    const client = this.#client;
    /** @param {Partial<Snapshot>} change */
    const show = (change) => this.#show(this.#sessionId, change);
    this.#leaveEvents = [
      client.on('connected', ({ sessionId }) => this.#show(sessionId, { isConnected: true, error: null })),
      client.on('disconnected', () => show({ isConnected: false })),
      client.on('connectionFailed', (error) => show({ isConnected: false, ...failed(error) })),
      client.on('error', (error) => show(failed(error))),
      client.on('stateUpdate', (state) => this.#receive(state)),
      client.on('sessionDeleted', ({ sessionId }) => this.#show(sessionId,
        failed(new SyncKairosError('SESSION_NOT_FOUND', `session ${sessionId} was deleted`)))),
    ];
  }

  /** @param {SessionState} state */
  #receive(state) {
    if (!isSame(this.#snapshot.sessionState, state)) {
      this.#show(state.session_id, { sessionState: state });
    }
  }

  /**
   * @param {string | null} sessionId whose change it is
   * @param {Partial<Snapshot>} change
   */
  #show(sessionId, change) {
    const next = { ...this.#snapshot, ...change };
    const keys = /** @type {(keyof Snapshot)[]} */ (Object.keys(change));
    if (sessionId === this.#sessionId && keys.some((key) => next[key] !== this.#snapshot[key])) {
      this.#snapshot = next;
      this.#tell(sessionId);
    }
  }

  /** @param {string | null} sessionId */
  #tell(sessionId) {
    const listeners = sessionId === null ? undefined : this.#listeners.get(sessionId);
    [...(listeners ?? [])].forEach((listener) => listener());
  }
}

/** @type {WeakMap<SyncKairosClient, Watch>} */
const watches = new WeakMap();

/** @param {SyncKairosClient} client */
export function watchOf(client) {
  if (typeof client?.connectWebSocket !== 'function') {
    throw new TypeError('useSyncKairos: the client is not a SyncKairosClient');
  }
  const watch = watches.get(client) ?? new Watch(client);
  watches.set(client, watch);
  return watch;
}
