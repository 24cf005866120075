// How long to wait before connecting again.

import { BUSY } from './close-codes.js';

const FIRST_MS = 1000; // doubles
const FIRST_BUSY_MS = 5000; // from one attempt to the next, at a server that has no room or cannot reach its store

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
