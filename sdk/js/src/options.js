// The client's options that are numbers: what they are by default, and within which limits.

const LONGEST_TIMER_MS = 2 ** 31 - 1; // a timer set for longer goes off at once

/**
 * @param {string} name
 * @param {unknown} value
 * @param {string} allowed in words
 * @param {(value: number) => boolean} isAllowed
 * @returns {number}
 */
function numberWithin(name, value, allowed, isAllowed) {
  if (typeof value !== 'number') {
    throw new TypeError(`${name} must be a number: ${String(value)}`);
  }
  if (!isAllowed(value)) {
    throw new RangeError(`${name} must be ${allowed}: ${value}`);
  }
  return value;
}

/**
 * How to reconnect.
 * @param {import('./types.js').ClientOptions} options
 */
export function reconnection({ maxAttempts = 10, maxDelayMs = 30_000 }) {
  return {
    maxAttempts: numberWithin('maxAttempts', maxAttempts, 'a whole number from 0, or Infinity',
      (value) => value >= 0 && (Number.isInteger(value) || value === Infinity)),
    maxDelayMs: numberWithin('maxDelayMs', maxDelayMs, `from 1 to ${LONGEST_TIMER_MS}`,
      (value) => value >= 1 && value <= LONGEST_TIMER_MS),
  };
}
