// The server's time: what it is ahead of a monotonic clock of ours, learnt from round trips. Knows no network.
//
// A sample {offset, rtt} says that the truth was within rtt / 2 of offset; since then our clock may have gone wrong by
// a little more. The target is the best of the last samples; what is shown approaches it by at most 1 %, so that nobody
// sees a clock stutter.

/** @typedef {{offset: number, rtt: number, at: number}} Sample */
/** @typedef {import('./types.js').Platform} Platform */

export const SAMPLES = 5; // of one synchronisation
export const LONGEST_RTT_MS = 500; // a synchronisation drops what took longer
const WINDOW_MS = 60_000;
const SLEW = 0.01;
const STEP_MS = 200; // wrong by more than this, it is set at once
const LONGEST_HALT_MS = 1000; // set back by more than this, it goes back; by less, it stands still meanwhile
const ROUNDING_MS = 1; // the server's time comes in whole milliseconds
const DRIFT = 100e-6; // of one clock from another, at the most
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const HYSTERESIS_MS = 5000; // of a device's clock at one of those limits

/**
 * The most by which a sample may be wrong at an instant of our monotonic clock.
 * @param {Sample} sample
 * @param {number} now
 */
const errorOf = ({ rtt, at }, now) => (rtt + ROUNDING_MS) / 2 + DRIFT * Math.max(0, now - at);

/**
 * @param {number} sent by our monotonic clock
 * @param {number} received
 * @param {number} serverTime rounded down by the server
 * @returns {Sample}
 */
export function sampleOf(sent, received, serverTime) {
  return { offset: serverTime + ROUNDING_MS / 2 - (sent + received) / 2, rtt: received - sent, at: received };
}

/**
 * The sample in the middle, of those that were quick enough; of an even number, between the two in the middle.
 * @param {Sample[]} samples
 * @returns {Sample | null}
 */
export function median(samples) {
  const sorted = samples.filter(({ rtt }) => rtt <= LONGEST_RTT_MS).sort((a, b) => a.offset - b.offset);
  if (sorted.length === 0) {
    return null;
  }
  const low = sorted[(sorted.length - 1) >> 1];
  const high = sorted[sorted.length >> 1];
  return {
    offset: (low.offset + high.offset) / 2,
    rtt: Math.max(low.rtt, high.rtt),
    at: Math.max(...sorted.map(({ at }) => at)),
  };
}

export class ServerTime {
  #platform;
  /** @type {Sample[]} the newest last */
  #window = [];
  /** @type {Sample | null} */
  #target = null;
  #applied = 0; // the offset that is shown,
  #appliedAt = 0; // at this instant of our monotonic clock
  #shown = -Infinity;
  #guessed = false; // the target is a first guess

  /** @param {Platform} platform */
  constructor(platform) {
    this.#platform = platform;
  }

  /** Milliseconds since 1970 by the server's clock; by the device's, until the first sample. */
  now() {
    if (!this.#target) {
      return Math.floor(this.#platform.wallClock());
    }
    const now = this.#platform.now();
    this.#approach(now);
    this.#shown = Math.max(this.#shown, Math.floor(now + this.#applied));
    return this.#shown;
  }

  /** Whether there was a sample. */
  get known() {
    return this.#target !== null;
  }

  /** Whether there was one to rely on. */
  get settled() {
    return this.known && !this.#guessed;
  }

  /** @returns {import('./types.js').ClockReading} */
  reading() {
    const offset = this.now() - this.#platform.wallClock();
    if (!this.#target) {
      return { offset, error: null, rtt: null };
    }
    const now = this.#platform.now();
    const behind = Math.abs(now + this.#target.offset - this.#shown);
    return { offset, error: errorOf(this.#target, now) + behind, rtt: this.#target.rtt };
  }

  /** What the server is ahead of the device's clock, by the best sample. */
  skew() {
    return this.#target ? this.#platform.now() + this.#target.offset - this.#platform.wallClock() : 0;
  }

  /**
   * The outcome of a synchronisation: what was known before counts no more.
   * @param {Sample} sample
   */
  replace(sample) {
    this.#window = [];
    this.add(sample);
  }

  /**
   * A sample to begin with: the next one takes its place at once.
   * @param {Sample} sample
   */
  guess(sample) {
    this.add(sample);
    this.#guessed = true;
  }

  /**
   * One more sample. Those that it contradicts are dropped: a clock was set, or stood still while the device slept. The
   * target stays, however old, until there is a better one.
   * @param {Sample} sample
   */
  add(sample) {
    const error = (/** @type {Sample} */ one) => errorOf(one, sample.at);
    const isRecent = (/** @type {Sample} */ old) => old === this.#target || sample.at - old.at <= WINDOW_MS;
    const agrees = (/** @type {Sample} */ old) =>
      Math.abs(old.offset - sample.offset) <= error(old) + error(sample) + ROUNDING_MS;
    this.#window = [...this.#window.filter((old) => isRecent(old) && agrees(old)), sample];
    this.#aim(this.#window.reduce((best, next) => (error(next) <= error(best) ? next : best)));
  }

  /** @param {Sample} target */
  #aim(target) {
    const now = this.#platform.now();
    this.#approach(now);
    const change = target.offset - this.#applied;
    if (!this.#target || this.#guessed || Math.abs(change) > STEP_MS) {
      this.#applied = target.offset;
      this.#appliedAt = now;
    }
    this.#guessed = false;
    if (this.#shown > now + this.#applied + LONGEST_HALT_MS) {
      this.#shown = -Infinity;
    }
    this.#target = target;
  }

  /** @param {number} now by our monotonic clock */
  #approach(now) {
    if (this.#target) {
      const most = SLEW * Math.max(0, now - this.#appliedAt);
      this.#applied += Math.min(most, Math.max(-most, this.#target.offset - this.#applied));
    }
    this.#appliedAt = now;
  }
}

/** @typedef {'none' | 'detected' | 'error'} SkewLevel */

/**
 * @param {number} ms
 * @returns {SkewLevel}
 */
function levelOf(ms) {
  if (ms > HOUR_MS) {
    return 'error';
  }
  return ms > MINUTE_MS ? 'detected' : 'none';
}

/**
 * How wrong the device's clock is. A level once reached holds until the clock is well below it.
 * @param {number} skewMs
 * @param {SkewLevel} before
 */
export function skewLevel(skewMs, before) {
  const ms = Math.abs(skewMs);
  return levelOf(ms + HYSTERESIS_MS) === before ? before : levelOf(ms);
}
