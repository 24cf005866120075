'use client';
// The time, for components that draw it: one timer for all that ask at the same interval, and none while the page is
// hidden.

import { useMemo, useSyncExternalStore } from 'react';

/** @typedef {{getServerTime: () => number}} TimeSource a client, for example */
/** @typedef {() => void} Listener */

/** @type {TimeSource} */
const device = { getServerTime: () => Date.now() };
const LONGEST_MS = 2 ** 31 - 1; // that a timer can wait

/** The components of one interval, from the first that asks for the time to the last that shows it. */
class Ticker {
  #intervalMs;
  /** @type {Set<Listener>} */
  #listeners = new Set();
  /** @type {ReturnType<typeof setInterval> | undefined} while somebody listens and the page is shown */
  #timer;
  /** @type {ReturnType<typeof setTimeout> | undefined} in place of a tick, where none will come */
  #expiry;
  /** @type {WeakMap<TimeSource, number>} by source; each holds until the next tick, however long a render takes */
  #instants = new WeakMap();

  /** @param {number} intervalMs */
  constructor(intervalMs) {
    this.#intervalMs = intervalMs;
  }

  /** @param {TimeSource} source */
  now(source) {
    const known = this.#instants.get(source);
    if (known !== undefined) {
      return known;
    }
    const now = source.getServerTime();
    this.#instants.set(source, now);
    if (this.#timer === undefined) {
      this.#expiry ??= setTimeout(this.#forget, this.#intervalMs);
    }
    return now;
  }

  /** @param {Listener} listener */
  subscribe(listener) {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) {
      globalThis.document?.addEventListener('visibilitychange', this.#turn);
      this.#run();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) {
        globalThis.document?.removeEventListener('visibilitychange', this.#turn);
        this.#stop();
        queueMicrotask(this.#forget); // not yet: in Strict Mode they come back at once
      }
    };
  }

  #run() {
    this.#stop();
    if (!globalThis.document?.hidden) {
      clearTimeout(this.#expiry);
      this.#expiry = undefined;
      this.#timer = setInterval(this.#tick, this.#intervalMs);
    }
  }

  #stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The page is hidden, or shown again: then what it shows is right at once. */
  #turn = () => {
    this.#run();
    this.#tick();
  };

  #tick = () => {
    this.#instants = new WeakMap();
    [...this.#listeners].forEach((listener) => listener());
  };

  /** What is drawn next shows the time of then. */
  #forget = () => {
    if (this.#timer !== undefined) {
      return;
    }
    clearTimeout(this.#expiry);
    this.#expiry = undefined;
    this.#instants = new WeakMap();
    if (this.#listeners.size === 0 && tickers.get(this.#intervalMs) === this) {
      tickers.delete(this.#intervalMs);
    }
  };
}

/** @type {Map<number, Ticker>} by interval */
const tickers = new Map();

/** @param {number} intervalMs */
function tickerOf(intervalMs) {
  const ticker = tickers.get(intervalMs) ?? new Ticker(intervalMs);
  tickers.set(intervalMs, ticker);
  return ticker;
}

/**
 * @param {number} intervalMs
 * @param {TimeSource} client
 */
function check(intervalMs, client) {
  if (!(intervalMs >= 1 && intervalMs <= LONGEST_MS)) {
    throw new RangeError(`useNow: an interval is 1 to ${LONGEST_MS} ms, not ${intervalMs}`);
  }
  if (typeof client?.getServerTime !== 'function') {
    throw new TypeError('useNow: the client has no getServerTime()');
  }
}

const notYet = () => 0;

/**
 * The time now, in milliseconds since 1970: it draws the component anew every `intervalMs`, while the page is shown.
 * With a client it is the server's, else the device's. 0 where a server renders the page.
 * @param {number} [intervalMs]
 * @param {TimeSource} [client]
 */
export function useNow(intervalMs = 100, client = device) {
  const { subscribe, getNow } = useMemo(() => {
    check(intervalMs, client);
    return {
      subscribe: (/** @type {Listener} */ listener) => tickerOf(intervalMs).subscribe(listener),
      getNow: () => tickerOf(intervalMs).now(client),
    };
  }, [intervalMs, client]);
  return useSyncExternalStore(subscribe, getNow, notYet);
}
