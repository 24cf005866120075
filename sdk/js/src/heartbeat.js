// The pulse of one connection: a PING every five seconds, the end of a server that leaves two unanswered, the time
// that each PONG tells, and the discovery that the device slept.

import { sampleOf } from './server-time.js';

/** @typedef {import('./types.js').Platform} Platform */
/** @typedef {import('./server-time.js').Sample} Sample */

const TICK_MS = 1000;
const PING_MS = 5000;
const UNANSWERED_PINGS = 2;
const LATE_MS = UNANSWERED_PINGS * PING_MS; // a PONG that took so long waited for a page that stood still
const SLEPT_MS = 2000; // a tick so late, or a device's clock that moved so far by itself

/**
 * @typedef {object} HeartbeatHooks
 * @property {(text: string) => void} send
 * @property {(sample: Sample) => void} sampled
 * @property {() => void} silent
 * @property {() => void} slept
 */

export class Heartbeat {
  /** When the server was last heard, by our monotonic clock. */
  heardAt = -Infinity;
  #platform;
  #hooks;
  /** @type {any} */
  #timer = null;
  #unanswered = 0;
  #tickedAt = 0;
  #wallAtTick = 0;
  #pingedAt = 0;
  #startedAt = 0;
  /** @type {Map<number, (sample: Sample | null) => void>} of samples asked for, by when their PING was sent */
  #asked = new Map();

  /**
   * @param {Platform} platform
   * @param {HeartbeatHooks} hooks
   */
  constructor(platform, hooks) {
    this.#platform = platform;
    this.#hooks = hooks;
  }

  start() {
    this.stop();
    this.#unanswered = 0;
    this.#startedAt = this.#pingedAt = this.#platform.now();
    this.#schedule();
  }

  stop() {
    this.#platform.clearTimeout(this.#timer);
    this.#timer = null;
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    asked.forEach((resolve) => resolve(null));
  }

  /** Any frame shows that the server is there. */
  heard() {
    this.heardAt = this.#platform.now();
    this.#unanswered = 0;
  }

  /** @param {{[more: string]: any}} frame */
  pong({ client_timestamp: sent, server_timestamp: serverTime }) {
    const now = this.#platform.now();
    const earliest = Math.max(this.#startedAt, now - LATE_MS);
    if (typeof sent !== 'number' || !(sent >= earliest && sent <= now) || !Number.isFinite(serverTime)) {
      return; // no answer to a PING of this connection, or one that says too little
    }
    const sample = sampleOf(sent, now, serverTime);
    const resolve = this.#asked.get(sent);
    this.#asked.delete(sent);
    if (resolve) {
      resolve(sample);
    } else {
      this.#hooks.sampled(sample);
    }
  }

  /**
   * A sample, for whoever asked alone; null where none came in time.
   * @param {number} withinMs
   * @returns {Promise<Sample | null>}
   */
  ask(withinMs) {
    return new Promise((resolve) => {
      const sent = this.#ping();
      const timer = this.#platform.setTimeout(() => {
        this.#asked.delete(sent);
        resolve(null);
      }, withinMs);
      this.#asked.set(sent, (sample) => {
        this.#platform.clearTimeout(timer);
        resolve(sample);
      });
    });
  }

  #ping() {
    this.#pingedAt = this.#platform.now();
    this.#hooks.send(JSON.stringify({ type: 'PING', timestamp: this.#pingedAt }));
    return this.#pingedAt;
  }

  #schedule() {
    this.#tickedAt = this.#platform.now();
    this.#wallAtTick = this.#platform.wallClock();
    this.#timer = this.#platform.setTimeout(() => this.#tick(), TICK_MS);
  }

  #tick() {
    const passed = this.#platform.now() - this.#tickedAt;
    const byTheWall = this.#platform.wallClock() - this.#wallAtTick;
    this.#schedule();
    if (passed > TICK_MS + SLEPT_MS || Math.abs(byTheWall - passed) > SLEPT_MS) {
      this.#unanswered = 0; // who slept heard nothing
      this.#hooks.slept();
    } else if (this.#platform.now() - this.#pingedAt >= PING_MS) {
      this.#beat();
    }
  }

  #beat() {
    if (this.#unanswered >= UNANSWERED_PINGS) {
      this.#hooks.silent();
      return;
    }
    this.#unanswered += 1;
    this.#ping();
  }
}
