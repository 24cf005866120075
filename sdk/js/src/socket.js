// One session watched: a WebSocket, and the next one when it is lost. Knows frames by their type only, and no state.

import { backoff, handshakeMs, knocksFirst } from './attempts.js';
import { BUSY, CLOSED, terminalError } from './close-codes.js';
import { SyncKairosError, wrap } from './errors.js';
import { Heartbeat } from './heartbeat.js';
import { parseFrame } from './incoming.js';
import { sampleOf } from './server-time.js';

/** @typedef {import('./types.js').Platform} Platform */
/** @typedef {import('./types.js').ClientEvents} ClientEvents */

const LOST = 1006; // as browsers call a connection that ended without a word
const OPEN = 1; // a WebSocket's readyState
const PROTOCOL = 'synckairos.v1';
const PROBE_MS = 1500; // how long a server may take to answer a device that woke; who wakes again meanwhile has asked

const STEADY_MS = 5000; // how long a connection with a state lasts that is a good one

const nothing = () => {};

/**
 * @typedef {object} SocketOptions
 * @property {string} url
 * @property {string} sessionId
 * @property {import('./tokens.js').Tokens} tokens
 * @property {Platform} platform
 * @property {new (url: string, protocols?: string[]) => import('./types.js').Socket} WebSocket
 * @property {number} maxAttempts
 * @property {number} maxDelayMs
 */

/**
 * @typedef {object} SocketHooks
 * @property {<Name extends keyof ClientEvents>(name: Name, payload: ClientEvents[Name]) => void} emit
 * @property {(frame: any) => void} frame
 * @property {() => object | null} resume the RECONNECT to send; null where nothing is known yet
 * @property {(sample: import('./server-time.js').Sample) => void} sampled
 * @property {(sample: import('./server-time.js').Sample) => void} [guessed] one that the handshake told
 * @property {() => void} woke
 */

export class SessionSocket {
  /** @type {import('./types.js').ConnectionStatus} */
  status = 'connecting';
  #options;
  #hooks;
  #heartbeat;
  /** @type {import('./types.js').Socket | null} */
  #socket = null;
  /** @type {any} */
  #retry = null;
  #attempt = 0; // since there was a good connection
  #turn = 0; // what was begun in an earlier one is void
  #openedAt = 0;
  /** @type {any} */
  #handshake = null;
  #handshakeAt = 0; // when it began
  /** @type {number | null} when the connection had its first state */
  #settledAt = null;
  #patientUntil = -Infinity; // because a server asked for it
  /** @type {any} */
  #probe = null;
  /** @type {{now: number, wall: number} | null} when this turn began, or the connection was looked after */
  #lookedAt = null;
  #ignoreWakes = nothing;

  /**
   * @param {SocketOptions} options
   * @param {SocketHooks} hooks
   */
  constructor(options, hooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.#heartbeat = new Heartbeat(options.platform, {
      send: (text) => this.#send(text),
      sampled: hooks.sampled,
      silent: () => this.#lost(LOST, 'the server is silent'),
      slept: () => this.#wake(),
    });
  }

  start() {
    this.#ignoreWakes = this.#options.platform.onWake(() => this.#wake());
    this.#open();
  }

  #open() {
    const turn = this.#next();
    this.#lookedAt = this.#instant();
    this.#openedAt = this.#lookedAt.now;
    this.#heartbeat.start(); // neither a token nor a handshake may take for ever
    const mine = (/** @type {() => void} */ act) => turn === this.#turn && act();
    if (!knocksFirst(this.#attempt)) {
      this.#authorize(mine);
      return;
    }
    this.#options.platform.answers(this.#options.url).then((answers) => mine(() => {
      if (answers) {
        this.#authorize(mine);
      } else {
        this.#lost(LOST, 'the server does not answer');
      }
    }));
  }

  /** @param {(act: () => void) => void} mine does it, unless another turn has begun */
  #authorize(mine) {
    this.#options.tokens.renew().then(
      (token) => mine(() => this.#connect(token)),
      (fault) => mine(() => {
        if (this.#options.tokens.renewable) {
          this.#hooks.emit('error', fault);
          mine(() => this.#lost(LOST, fault.message));
        } else {
          this.#over(LOST, '', fault);
        }
      }),
    );
  }

  /** Ends it for good. */
  close() {
    if (this.status !== 'disconnected') {
      this.#over(CLOSED, '', null);
    }
    this.#next(); // of an end that is being told the rest is left out
  }

  /** There is a state: if the connection lasts, it is good. */
  settle() {
    this.#settledAt ??= this.#options.platform.now();
  }

  /** The device slept, the page is shown again, or the network is back: mostly several of these at once. */
  #wake() {
    if (this.status === 'disconnected' || this.#hasJustLooked()) {
      return;
    }
    if (this.status === 'connected') {
      this.#lookAfter();
    } else if (this.#options.platform.now() >= this.#patientUntil) {
      this.#leave(this.status);
      this.#open();
    }
  }

  #instant() {
    const { platform } = this.#options;
    return { now: platform.now(), wall: platform.wallClock() };
  }

  /** By both clocks: of a device that sleeps one may stand still. */
  #hasJustLooked() {
    const [last, { now, wall }] = [this.#lookedAt, this.#instant()];
    return last !== null && now - last.now < PROBE_MS && Math.abs(wall - last.wall) < PROBE_MS;
  }

  /** Asks for state and time on a connection that may be dead. */
  #lookAfter() {
    const { platform } = this.#options;
    const since = platform.now();
    this.#lookedAt = this.#instant();
    this.#resume();
    this.#hooks.woke();
    platform.clearTimeout(this.#probe);
    this.#probe = platform.setTimeout(() => {
      if (this.#heartbeat.heardAt < since) {
        this.#lost(LOST, 'the server is silent', 0);
      }
    }, PROBE_MS);
  }

  /**
   * A sample of the server's time; null where none came in time, or there is no connection.
   * @param {number} withinMs
   */
  async ask(withinMs) {
    return this.status === 'connected' ? this.#heartbeat.ask(withinMs) : null;
  }

  /** @param {string | undefined} token */
  #connect(token) {
    const { WebSocket, url, platform } = this.#options;
    this.#handshakeAt = platform.now();
    try {
      this.#socket = new WebSocket(url, token ? [PROTOCOL, `bearer.${token}`] : undefined);
    } catch (fault) {
      this.#over(LOST, '', wrap(fault, 'CONNECTION_FAILED', 'no WebSocket can be made'));
      return;
    }
    this.#handshake = platform.setTimeout(() => this.#lost(LOST, 'nobody answers'), handshakeMs(this.#attempt));
    this.#socket.onopen = () => {
      platform.clearTimeout(this.#handshake);
      this.#resume();
    };
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = ({ code, reason }) => this.#lost(code, String(reason ?? ''));
    this.#socket.onerror = nothing; // a close follows
  }

  /** @param {unknown} text */
  #receive(text) {
    this.#heartbeat.heard();
    let frame;
    try {
      frame = parseFrame(text);
    } catch (fault) {
      this.#hooks.emit('error', /** @type {SyncKairosError} */ (fault));
      return;
    }
    if (frame.type === 'PONG') {
      this.#heartbeat.pong(frame);
    } else if (frame.type === 'CONNECTED') {
      this.#accepted(frame.timestamp);
    } else {
      this.#hooks.frame(frame);
    }
  }

  /** @param {unknown} timestamp the server's time at some instant since the handshake began */
  #accepted(timestamp) {
    if (typeof timestamp === 'number' && timestamp > 0) {
      this.#hooks.guessed?.(sampleOf(this.#handshakeAt, this.#options.platform.now(), timestamp));
    }
    this.status = 'connected';
    this.#hooks.emit('connected', { sessionId: this.#options.sessionId });
  }

  /** @param {string} text */
  #send(text) {
    if (this.#socket?.readyState === OPEN) {
      this.#socket.send(text);
    }
  }

  #resume() {
    const known = this.#hooks.resume();
    if (known) {
      this.#send(JSON.stringify({ type: 'RECONNECT', ...known }));
    }
  }

  /**
   * @param {number} code
   * @param {string} reason
   * @param {number} [delay] instead of the back-off
   */
  #lost(code, reason, delay) {
    const { tokens, maxAttempts, platform } = this.#options;
    if (this.#settledAt !== null && platform.now() - this.#settledAt >= STEADY_MS) {
      this.#attempt = 0;
    }
    const error = terminalError(code, reason, tokens.renewable);
    if (error || code === CLOSED) {
      this.#over(code, reason, error);
    } else if (this.#attempt >= maxAttempts) {
      const text = `given up after ${maxAttempts} attempts${reason && `: ${reason}`}`;
      this.#over(code, reason, new SyncKairosError('CONNECTION_FAILED', text, { status: code }));
    } else {
      this.#again(code, reason, delay);
    }
  }

  /**
   * @param {number} code
   * @param {string} reason
   * @param {SyncKairosError | null} error
   */
  #over(code, reason, error) {
    const before = this.#leave('disconnected');
    const turn = this.#turn;
    this.#ignoreWakes();
    if (before === 'connected') {
      this.#hooks.emit('disconnected', { code, reason, willReconnect: false });
    }
    if (error && turn === this.#turn) {
      this.#hooks.emit('connectionFailed', error);
    }
  }

  /**
   * @param {number} code
   * @param {string} reason
   * @param {number} [delay]
   */
  #again(code, reason, delay) {
    const { platform, maxAttempts, maxDelayMs } = this.#options;
    const before = this.#leave('reconnecting');
    const attempt = ++this.#attempt;
    const now = platform.now();
    const lastedMs = now - this.#openedAt;
    const delayMs = delay ?? backoff(attempt, { code, lastedMs, maxDelayMs, random: platform.random });
    this.#patientUntil = code === BUSY ? now + delayMs : -Infinity;
    this.#retry = platform.setTimeout(() => this.#open(), delayMs);
    const turn = this.#turn;
    if (before === 'connected') {
      this.#hooks.emit('disconnected', { code, reason, willReconnect: true });
    }
    if (turn === this.#turn) {
      this.#hooks.emit('reconnecting', { attempt, maxAttempts, delayMs });
    }
  }

  /**
   * Lets go of the socket that there is; returns the status before.
   * @param {import('./types.js').ConnectionStatus} status
   */
  #leave(status) {
    const [before, socket] = [this.status, this.#socket];
    this.#next();
    this.#heartbeat.stop();
    this.#socket = null;
    this.status = status;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = nothing;
      socket.close();
    }
    return before;
  }

  /** Whatever is still on its way counts no more. */
  #next() {
    const { platform } = this.#options;
    [this.#retry, this.#handshake, this.#probe].forEach((timer) => platform.clearTimeout(timer));
    this.#lookedAt = null;
    this.#settledAt = null;
    return ++this.#turn;
  }
}
