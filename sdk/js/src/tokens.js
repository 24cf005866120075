// The token, and where the next one comes from.

import { wrap } from './errors.js';

export class Tokens {
  #source;
  /** @type {Promise<string> | null} */
  #last = null;

  /** @param {import('./types.js').TokenSource | undefined} source */
  constructor(source) {
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
    if (typeof this.#source !== 'function') {
      return this.#source;
    }
    return this.#last ?? this.renew();
  }

  /** A new one, for whoever asks from now on. Of the source's own faults nothing is kept. */
  async renew() {
    if (typeof this.#source !== 'function') {
      return this.#source;
    }
    const asked = Promise.resolve().then(this.#source);
    this.#last = asked;
    try {
      return await asked;
    } catch (fault) {
      this.#last = null;
      throw wrap(fault, 'TOKEN_UNAVAILABLE', 'token() failed');
    }
  }
}
