// Keeps the server's time: asks for samples, takes what PONGs bring, and says when the device's own clock is wrong.

import { SyncKairosError } from './errors.js';
import { LONGEST_RTT_MS, SAMPLES, ServerTime, median, skewLevel } from './server-time.js';

/** @typedef {import('./server-time.js').Sample} Sample */
/** @typedef {import('./types.js').ClockReading} ClockReading */

export class TimeSync {
  #time;
  #events;
  #ask;
  /** @type {Promise<ClockReading> | null} */
  #syncing = null;
  /** @type {ReturnType<typeof skewLevel>} */
  #skew = 'none';

  /**
   * @param {import('./types.js').Platform} platform
   * @param {import('./events.js').Events} events
   * @param {() => Promise<Sample | null>} ask for one sample; null where none came in time
   */
  constructor(platform, events, ask) {
    this.#time = new ServerTime(platform);
    this.#events = events;
    this.#ask = ask;
  }

  now() {
    return this.#time.now();
  }

  reading() {
    return this.#time.reading();
  }

  /** @param {Sample} sample */
  add(sample) {
    this.#time.add(sample);
    this.#checkSkew();
  }

  /** Whoever asks while it goes on gets the same answer. */
  sync() {
    this.#syncing ??= this.#sync().finally(() => { this.#syncing = null; });
    return this.#syncing;
  }

  /** A failure matters only to those who know no time at all: every PONG makes up for it. */
  syncQuietly() {
    this.sync().catch((fault) => {
      if (this.reading().rtt === null) {
        this.#events.emit('error', fault);
      }
    });
  }

  async #sync() {
    this.#time.replace(await this.#middle());
    this.#checkSkew();
    const reading = this.reading();
    this.#events.emit('timeSynced', reading);
    return reading;
  }

  async #middle() {
    /** @type {Sample[]} */
    const samples = [];
    /** @type {unknown} */
    let cause;
    for (let i = 0; i < SAMPLES; i++) {
      try {
        const sample = await this.#ask();
        samples.push(...(sample ? [sample] : []));
      } catch (fault) {
        cause = fault;
      }
    }
    const middle = median(samples);
    if (!middle) {
      throw new SyncKairosError('TIME_SYNC_FAILED', `the server did not answer within ${LONGEST_RTT_MS} ms`, { cause });
    }
    return middle;
  }

  #checkSkew() {
    const skewMs = Math.round(this.#time.skew());
    const level = skewLevel(skewMs);
    if (level === this.#skew) {
      return;
    }
    this.#skew = level;
    if (level !== 'none') {
      this.#events.emit('clockSkewDetected', { skewMs });
    }
    if (level === 'error') {
      const text = `this device's clock is ${Math.round(Math.abs(skewMs) / 60_000)} minutes off`;
      this.#events.emit('error', new SyncKairosError('CLOCK_SKEW', text, { details: { skewMs } }));
    }
  }
}
