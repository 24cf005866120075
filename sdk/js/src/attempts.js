// Attempts to connect: how long to wait before one, whether to ask first, and how long it may take. Their number counts
// from 1 since there was a good connection; 0 is the very first.

import { BUSY } from './close-codes.js';

const FIRST_MS = 1000; // doubles
const FIRST_BUSY_MS = 5000; // from one attempt to the next, at a server that has no room or cannot reach its store
const HANDSHAKE_MS = 3000; // doubles
const LONGEST_HANDSHAKE_MS = 10_000;

/**
 * Between half and the whole of the step, so that those who lost one server do not come back at once. A server that
 * asks for patience gets it however short the longest wait is; what it took to ask is part of it.
 * @param {number} attempt from 1
 * @param {object} options
 * @param {number} options.code of the close
 * @param {number} options.lastedMs from the beginning of the attempt before to its close
 * @param {number} options.maxDelayMs
 * @param {() => number} options.random
 */
export function backoff(attempt, { code, lastedMs, maxDelayMs, random }) {
  const jitter = 0.5 + random() / 2;
  const wait = (/** @type {number} */ first, /** @type {number} */ longest) =>
    Math.min(first * 2 ** (attempt - 1), longest) * jitter;
  const usual = wait(FIRST_MS, maxDelayMs);
  return code === BUSY ? Math.max(usual, wait(FIRST_BUSY_MS, Math.max(FIRST_BUSY_MS, maxDelayMs)) - lastedMs) : usual;
}

/**
 * Whether to ask first if somebody is there. Browsers hold back the WebSockets of a page whose last ones have failed,
 * longer with each one; so those that would fail are not made. Now and then one is made all the same: a page may be
 * forbidden to ask (Content-Security-Policy).
 * @param {number} attempt
 */
export const knocksFirst = (attempt) => attempt > 2 && attempt % 5 !== 0;

/**
 * How long a handshake may take: short at first, because what was dropped may be answered when it is sent again; longer
 * and longer for a slow link.
 * @param {number} attempt
 */
export const handshakeMs = (attempt) => Math.min(HANDSHAKE_MS * 2 ** Math.max(0, attempt - 1), LONGEST_HANDSHAKE_MS);
