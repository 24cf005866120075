'use client';
// The time, for components that draw it: one timer for all that ask at the same interval, and none while the page is
// hidden.

import { useMemo, useSyncExternalStore } from 'react';

/** @typedef {{getServerTime: () => number}} TimeSource a client, for example */
/** @typedef {() => void} Listener */

/** @type {TimeSource} */
const device = { getServerTime: () => Date.now() };
const LONGEST_MS = 2 ** 31 - 1; // that a timer can wait

class Ticker {
  #intervalMs;
  /** @type {Set<Listener>} */
  #listeners = new Set();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  /** @type {WeakMap<TimeSource, number>} by source, so that all components of one tick draw the same instant */
  #shown = new WeakMap();

  /** @param {number} intervalMs */
  constructor(intervalMs) {
    this.#intervalMs = intervalMs;
  }

  /** @param {TimeSource} source */
  now(source) {
    const [now, shown] = [source.getServerTime(), this.#shown.get(source)];
    if (shown !== undefined && Math.abs(now - shown) < this.#intervalMs) {
      return shown;
    }
    this.#shown.set(source, now);
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
        clearInterval(this.#timer);
      }
    };
  }

  #run() {
    clearInterval(this.#timer);
    if (!globalThis.document?.hidden) {
      this.#timer = setInterval(this.#tick, this.#intervalMs);
    }
  }

  /** The page is hidden, or shown again: then what it shows is right at once. */
  #turn = () => {
    this.#run();
    this.#tick();
  };

  #tick = () => {
    this.#shown = new WeakMap();
    [...this.#listeners].forEach((listener) => listener());
  };
}

/** @type {Map<number, Ticker>} */
const tickers = new Map();

/** @param {number} intervalMs */
function tickerOf(intervalMs) {
  if (!(intervalMs >= 1 && intervalMs <= LONGEST_MS)) {
    throw new RangeError(`useNow: an interval is 1 to ${LONGEST_MS} ms, not ${intervalMs}`);
  }
  const ticker = tickers.get(intervalMs) ?? new Ticker(intervalMs);
  tickers.set(intervalMs, ticker);
  return ticker;
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
    const ticker = tickerOf(intervalMs);
    return {
      subscribe: (/** @type {Listener} */ listener) => ticker.subscribe(listener),
      getNow: () => ticker.now(client),
    };
  }, [intervalMs, client]);
  return useSyncExternalStore(subscribe, getNow, notYet);
}
