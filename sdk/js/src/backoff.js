// How long to wait before connecting again.

const WAITS_MS = [1000, 2000, 4000, 8000, 16_000, 30_000];

/**
 * Between half and the whole of the step, so that those who lost one server do not come back at once.
 * @param {number} attempt from 1
 * @param {() => number} random
 */
export function backoff(attempt, random) {
  return WAITS_MS[Math.min(attempt, WAITS_MS.length) - 1] * (0.5 + random() / 2);
}
