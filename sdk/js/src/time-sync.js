// Keeps the server's time: asks for samples, takes what PONGs bring, and says when the device's own clock is wrong.

import { SyncKairosError } from './errors.js';
import { LONGEST_RTT_MS, SAMPLES, ServerTime, median, skewLevel } from './server-time.js';

const JUMP_MS = 1000; // by which the device's two clocks move apart when it slept, or when one of them was set
const AGAIN_MS = 1000; // from one synchronisation to the next

/** @typedef {import('./server-time.js').Sample} Sample */
/** @typedef {import('./types.js').ClockReading} ClockReading */

export class TimeSync {
  #platform;
  #time;
  #events;
  #ask;
  /** @type {Promise<ClockReading> | null} */
  #syncing = null;
  /** @type {import('./server-time.js').SkewLevel} */
  #skew = 'none';
  #lead = NaN; // of the device's clock before the monotonic one, at the last look
  #jumps = 0; // of that lead,
  #settledJumps = 0; // and those that a synchronisation has made up for
  #failedAt = -Infinity;
  #syncedAt = -Infinity;

  /**
   * @param {import('./types.js').Platform} platform
   * @param {import('./events.js').Events} events
   * @param {() => Promise<Sample | null>} ask for one sample; null where none came in time
   */
  constructor(platform, events, ask) {
    this.#platform = platform;
    this.#time = new ServerTime(platform);
    this.#events = events;
    this.#ask = ask;
  }

  now() {
    this.#makeUp();
    return this.#time.now();
  }

  reading() {
    this.#makeUp();
    return this.#time.reading();
  }

  /** @param {Sample} sample */
  add(sample) {
    this.#time.add(sample);
    this.#checkSkew();
  }

  /**
   * Until there is a sample to rely on, one is better than the device's clock.
   * @param {Sample} sample
   */
  guess(sample) {
    if (!this.#time.settled && sample.rtt <= LONGEST_RTT_MS) {
      this.#time.guess(sample);
    }
  }

  /** Whoever asks while it goes on gets the same answer; soon after it, what is known. */
  async sync() {
    this.#look();
    if (!this.#syncing && this.#jumps === this.#settledJumps && this.#platform.now() - this.#syncedAt < AGAIN_MS) {
      return this.#time.reading();
    }
    this.#syncing ??= this.#sync().finally(() => { this.#syncing = null; });
    return this.#syncing;
  }

  /** A failure matters only to those who know no time at all: every PONG makes up for it. */
  syncQuietly() {
    this.sync().catch((fault) => {
      if (!this.#time.known) {
        this.#events.emit('error', fault);
      }
    });
  }

  /** Finds out whether the device slept: not every client has a connection that does. */
  #makeUp() {
    this.#look();
    const isOpen = this.#jumps > this.#settledJumps && this.#platform.now() - this.#failedAt >= AGAIN_MS;
    if (isOpen && this.#time.known && !this.#syncing) {
      this.syncQuietly();
    }
  }

  #look() {
    const lead = this.#platform.wallClock() - this.#platform.now();
    if (Math.abs(lead - this.#lead) > JUMP_MS) {
      this.#jumps += 1;
    }
    this.#lead = lead;
  }

  async #sync() {
    const jumps = this.#jumps; // one that comes meanwhile spoils the samples
    try {
      this.#time.replace(await this.#middle());
    } catch (fault) {
      this.#failedAt = this.#platform.now();
      throw fault;
    }
    this.#settledJumps = jumps;
    this.#syncedAt = this.#platform.now();
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
        if (sample) {
          if (!median(samples)) {
            this.guess(sample);
          }
          samples.push(sample);
        }
      } catch (fault) {
        cause = fault;
      }
    }
    const middle = median(samples);
    if (!middle) {
      const why = cause instanceof Error ? cause.message : `the server did not answer within ${LONGEST_RTT_MS} ms`;
      throw new SyncKairosError('TIME_SYNC_FAILED', why, { cause });
    }
    return middle;
  }

  #checkSkew() {
    const skewMs = Math.round(this.#time.skew());
    const level = skewLevel(skewMs, this.#skew);
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
