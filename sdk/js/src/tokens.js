// The token, and where the next one comes from.

import { SyncKairosError, wrap } from './errors.js';

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
  /** @type {Promise<string> | null} */
  #last = null;

  /** @param {import('./types.js').ClientOptions['token']} source */
  constructor(source) {
    if (source != null && typeof source !== 'string' && typeof source !== 'function') {
      throw new TypeError(`token must be a string or a function: ${typeof source}`);
    }
    this.#source = source;
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
    return this.#last ?? this.renew();
  }

  /**
   * A new one, for whoever asks from now on. Of a failure nothing is kept.
   * @returns {Promise<string | undefined>}
   */
  async renew() {
    if (this.#source == null) {
      return undefined;
    }
    const asked = this.#ask(this.#source);
    this.#last = asked;
    asked.catch(() => {
      if (this.#last === asked) {
        this.#last = null;
      }
    });
    return asked;
  }

  /** @param {import('./types.js').TokenSource} source */
  async #ask(source) {
    if (typeof source === 'string') {
      return sendable(source);
    }
    const token = await Promise.resolve().then(source).catch((fault) => {
      throw wrap(fault, 'TOKEN_UNAVAILABLE', 'token() failed');
    });
    return sendable(token);
  }
}
