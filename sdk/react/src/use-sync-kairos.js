'use client';
// The hook: one session, in a component. What is shown lives in the client's watch; here are React and the names.

import { SyncKairosError, timeLeft } from '@synckairos/client';
import { useMemo, useSyncExternalStore } from 'react';

import { NOTHING, watchOf } from './watch.js';

/** @typedef {import('@synckairos/client').SyncKairosClient} SyncKairosClient */
/** @typedef {import('@synckairos/client').SessionState} SessionState */
/** @typedef {import('./watch.js').Snapshot} Snapshot */

/**
 * Times are milliseconds left; null: no limit, or the session has ended, or there is no state or no such participant.
 * `now` is an instant of useNow(); left out, it is the client's getServerTime(). The functions stay the same ones from
 * render to render. Those that change the session resolve with its state, and reject with a SyncKairosError, which is
 * then `error`, too.
 * @typedef {object} SyncKairos
 * @property {SessionState | null} sessionState null until the first one arrives
 * @property {(participantId?: string | null, now?: number) => number | null} getParticipantTime without an id the
 *   hook's participant; without that, the clock that runs
 * @property {(now?: number) => Record<string, number | null>} getAllParticipantTimes by participant
 * @property {string | null} activeParticipantId
 * @property {SessionState['status'] | null} status the session's
 * @property {boolean} isConnected
 * @property {SyncKairosError | null} error what went wrong last; null again with the next change or connection
 * @property {() => Promise<SessionState>} startSession
 * @property {(nextParticipantId?: string | object | null) => Promise<SessionState>} switchCycle an object, such as the
 *   event of a click, counts as none
 * @property {() => Promise<SessionState>} pauseSession
 * @property {() => Promise<SessionState>} resumeSession
 * @property {() => Promise<SessionState>} completeSession
 */

const noSnapshot = () => NOTHING;

/**
 * An external store for React, and how to change what it shows.
 * @typedef {object} Store
 * @property {(listener: () => void) => () => void} subscribe
 * @property {() => Readonly<Snapshot>} getSnapshot
 * @property {(operation: (sessionId: string) => Promise<SessionState>) => Promise<SessionState>} change a failure is
 *   shown, too, so that whoever calls may leave the promise alone
 */

/**
 * The store of one session.
 * @param {string | null | undefined} sessionId
 * @param {SyncKairosClient} client
 * @returns {Store}
 */
function storeOf(sessionId, client) {
  const watch = watchOf(client);
  if (sessionId == null) {
    return storeOfNone();
  }
  if (typeof sessionId !== 'string') {
    throw new TypeError(`useSyncKairos: a session's id is a string, not ${sessionId}`);
  }
  return {
    subscribe: (listener) => watch.subscribe(sessionId, listener),
    getSnapshot: () => watch.snapshot(sessionId),
    change: (operation) => watch.change(sessionId, () => operation(sessionId)),
  };
}

/**
 * Where there is no session yet: the most that happens is that a change is refused.
 * @returns {Store}
 */
function storeOfNone() {
  let snapshot = NOTHING;
  /** @type {Set<() => void>} */
  const listeners = new Set();
  return {
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    getSnapshot: () => snapshot,
    change: () => {
      const error = new SyncKairosError('NO_SESSION', 'there is no session yet');
      const refused = Promise.reject(error);
      refused.catch(() => {
        snapshot = { ...NOTHING, error };
        listeners.forEach((listener) => listener());
      });
      return refused;
    },
  };
}

/**
 * @param {() => SessionState | null} getState
 * @param {SyncKairosClient} client
 * @param {string | null} own
 */
function readersOf(getState, client, own) {
  /**
   * @param {SessionState} state
   * @param {string | null} id
   * @param {number} now
   */
  const read = (state, id, now) => {
    const known = id === null || state.participants.some((participant) => participant.participant_id === id);
    return known ? timeLeft(state, id, now) : null;
  };
  return {
    /** @type {SyncKairos['getParticipantTime']} */
    getParticipantTime: (participantId, now = client.getServerTime()) => {
      const state = getState();
      return state && read(state, participantId ?? own, now);
    },
    /** @type {SyncKairos['getAllParticipantTimes']} */
    getAllParticipantTimes: (now = client.getServerTime()) => {
      const state = getState();
      return Object.fromEntries((state?.participants ?? [])
        .map(({ participant_id: id }) => [id, timeLeft(/** @type {SessionState} */ (state), id, now)]));
    },
  };
}

/**
 * @param {Store} store
 * @param {SyncKairosClient} client
 * @param {string | null} own
 */
function changesOf({ change }, client, own) {
  return {
    startSession: () => change((id) => client.startSession(id)),
    /** @type {SyncKairos['switchCycle']} */
    switchCycle: (next) => change((id) => client.switchCycle(id, own, typeof next === 'object' ? null : next)),
    pauseSession: () => change((id) => client.pauseSession(id)),
    resumeSession: () => change((id) => client.resumeSession(id)),
    completeSession: () => change((id) => client.completeSession(id)),
  };
}

/**
 * Watches a session while the component is mounted. All components with the same client share its connection.
 * @param {string | null | undefined} sessionId null: none yet
 * @param {SyncKairosClient} client watches one session at a time
 * @param {string | null} [participantId] who sits here: the one whose time is meant where none is named, and the only
 *   one whose cycle switchCycle ends
 * @returns {SyncKairos}
 */
export function useSyncKairos(sessionId, client, participantId = null) {
  const store = useMemo(() => storeOf(sessionId, client), [sessionId, client]);
  const { sessionState, isConnected, error } = useSyncExternalStore(store.subscribe, store.getSnapshot, noSnapshot);
  const functions = useMemo(() => ({
    ...readersOf(() => store.getSnapshot().sessionState, client, participantId),
    ...changesOf(store, client, participantId),
  }), [store, client, participantId]);
  return {
    sessionState,
    activeParticipantId: sessionState?.active_participant_id ?? null,
    status: sessionState?.status ?? null,
    isConnected,
    error,
    ...functions,
  };
}
