// The token, and where the next one comes from.

import { SyncKairosError, wrap } from './errors.js';
import { platform as host } from './platform.js';

const LIMIT_MS = 10_000; // for a token() to answer

/** What a subprotocol's name may hold (RFC 9110 §5.6.2); every JWT is made of it. */
const SENDABLE = /^[\w!#$%&'*+.^`|~-]+$/;

/**
 * The token without blanks around it, such as the newline at the end of a file.
 * @param {unknown} token
 */
function sendable(token) {
  if (typeof token !== 'string') {
    throw new SyncKairosError('TOKEN_INVALID', `the token is not a string (${token === null ? 'null' : typeof token})`);
  }
  const trimmed = token.trim();
  if (!SENDABLE.test(trimmed)) {
    throw new SyncKairosError('TOKEN_INVALID', trimmed ? 'the token has characters that no token has' : 'the token is empty');
  }
  return trimmed;
}

export class Tokens {
  #source;
  #platform;
  /** @type {string | undefined} the newest that was given */
  #token;
  /** @type {Promise<string> | null} while the newest is asked for */
  #asking = null;

  /**
   * @param {import('./types.js').ClientOptions['token']} source
   * @param {import('./types.js').Platform} [platform]
   */
  constructor(source, platform = host) {
    if (source != null && typeof source !== 'string' && typeof source !== 'function') {
      throw new TypeError(`token must be a string or a function: ${typeof source}`);
    }
    this.#source = source;
    this.#platform = platform;
  }

  /** Whether asking again may give another one. */
  get renewable() {
    return typeof this.#source === 'function';
  }

  /**
   * The one in use, asked for if there is none yet; undefined where the service is open.
   * @returns {Promise<string | undefined>}
   */
  async current() {
    return this.#token ?? this.#asking ?? this.renew();
  }

  /**
   * Another one in place of one that was refused. All who were refused the same one ask once.
   * @param {string | undefined} refused
   * @returns {Promise<string | undefined>}
   */
  async replace(refused) {
    return this.#token === refused ? this.#asking ?? this.renew() : this.current();
  }

  /**
   * A new one, for whoever asks from then on. After a failure they get the one before.
   * @returns {Promise<string | undefined>}
   */
  async renew() {
    if (this.#source == null) {
      return undefined;
    }
    const asking = this.#ask(this.#source);
    const done = (/** @type {string | undefined} */ token) => {
      if (this.#asking === asking) {
        this.#asking = null;
        this.#token = token;
      }
    };
    this.#asking = asking;
    asking.then(done, () => done(this.#token));
    return asking;
  }

  /** @param {import('./types.js').TokenSource} source */
  async #ask(source) {
    if (typeof source === 'string') {
      return sendable(source);
    }
    const token = await this.#limited(Promise.resolve().then(source)).catch((fault) => {
      throw wrap(fault, 'TOKEN_UNAVAILABLE', 'token() failed');
    });
    return sendable(token);
  }

  /** @param {Promise<string>} given */
  #limited(given) {
    /** @type {any} */
    let timer;
    const late = new Promise((_, reject) => {
      timer = this.#platform.setTimeout(() => reject(new Error(`no token within ${LIMIT_MS / 1000} s`)), LIMIT_MS);
    });
    return Promise.race([given, late]).finally(() => this.#platform.clearTimeout(timer));
  }
}
