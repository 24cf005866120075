// REST: one call, tried again where its answer was lost or the server asks for patience. Every attempt of a change
// bears the same idempotency key, so that it is made once.

import { SyncKairosError, wrap } from './errors.js';

/** @typedef {import('./types.js').Platform} Platform */
/** @typedef {'GET' | 'POST' | 'PATCH' | 'DELETE'} Method */

const ATTEMPTS = 5;
const FIRST_WAIT_MS = 200; // doubles
const LONGEST_WAIT_MS = 5000; // a Retry-After beyond it is the caller's business
const TIMEOUT_MS = 10_000;
const TRY_AGAIN = new Set(['NETWORK_ERROR', 'TIMEOUT', 429, 502, 503, 504]);

/**
 * @param {Response} response
 * @param {any} body
 */
function refusal(response, body) {
  const { code, message, details } = body?.error ?? {};
  const retryAfter = Number(response.headers.get('Retry-After') ?? NaN);
  return new SyncKairosError(code ?? `HTTP_${response.status}`, message ?? `the server answered ${response.status}`, {
    status: response.status,
    details,
    requestId: response.headers.get('X-Request-Id') ?? undefined,
    retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined,
  });
}

/** @param {Response} response */
async function bodyOf(response) {
  const text = await response.text();
  try {
    return text === '' ? null : JSON.parse(text);
  } catch (fault) {
    if (response.ok) {
      throw wrap(fault, 'INVALID_ANSWER', 'the answer is not JSON');
    }
    return null; // a web server's own page: the status says enough
  }
}

/**
 * @param {Method} method
 * @param {object | undefined} body
 * @param {string | undefined} token
 * @param {string | null} key
 * @returns {RequestInit}
 */
function requestOf(method, body, token, key) {
  const headers = {
    ...(token && { Authorization: `Bearer ${token}` }),
    ...(body && { 'Content-Type': 'application/json' }),
    ...(key && { 'Idempotency-Key': key }),
  };
  return { method, headers, body: body && JSON.stringify(body) };
}

export class Http {
  #base;
  #tokens;
  #platform;

  /**
   * @param {string} base without a slash at the end
   * @param {import('./tokens.js').Tokens} tokens
   * @param {Platform} platform
   */
  constructor(base, tokens, platform) {
    this.#base = base;
    this.#tokens = tokens;
    this.#platform = platform;
  }

  /**
   * The body of the answer; null where it has none.
   * @param {Method} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<any>}
   */
  async call(method, path, body) {
    const key = method === 'GET' ? null : this.#newKey();
    let renewed = false;
    for (let attempt = 1; ; attempt++) {
      /** @type {string | undefined} */
      let token;
      try {
        token = await this.#tokens.current();
        return await this.once(path, requestOf(method, body, token, key));
      } catch (fault) {
        const error = /** @type {SyncKairosError} */ (fault);
        if (error.status === 401 && this.#tokens.renewable && !renewed) {
          renewed = true;
          await this.#tokens.replace(token);
        } else {
          await this.#pause(attempt, error);
        }
      }
    }
  }

  /**
   * One attempt.
   * @param {string} path
   * @param {RequestInit} init
   * @param {number} [timeoutMs]
   * @returns {Promise<any>}
   */
  async once(path, init, timeoutMs = TIMEOUT_MS) {
    const abort = new AbortController();
    const timer = this.#platform.setTimeout(() => abort.abort(), timeoutMs);
    try {
      return await this.#exchange(path, { ...init, cache: 'no-store', signal: abort.signal });
    } finally {
      this.#platform.clearTimeout(timer);
    }
  }

  /**
   * @param {string} path
   * @param {RequestInit} init
   */
  async #exchange(path, init) {
    try {
      const response = await this.#platform.fetch(this.#base + path, init);
      const body = await bodyOf(response);
      if (!response.ok) {
        throw refusal(response, body);
      }
      return body;
    } catch (fault) {
      throw fault instanceof SyncKairosError ? fault
        : wrap(fault, init.signal?.aborted ? 'TIMEOUT' : 'NETWORK_ERROR', `no answer to ${init.method} ${path}`);
    }
  }

  /**
   * Waits before the next attempt; throws the error where there is to be none.
   * @param {number} attempt
   * @param {SyncKairosError} error
   */
  async #pause(attempt, error) {
    const wait = error.retryAfterMs ?? FIRST_WAIT_MS * 2 ** (attempt - 1) * (0.5 + this.#platform.random() / 2);
    const hope = TRY_AGAIN.has(error.code) || TRY_AGAIN.has(error.status);
    if (!hope || attempt >= ATTEMPTS || wait > LONGEST_WAIT_MS) {
      throw error;
    }
    await new Promise((resolve) => { this.#platform.setTimeout(() => resolve(undefined), wait); });
  }

  // Not crypto.randomUUID(), which pages without TLS do not have: it must be unique, nobody gains by guessing it.
  #newKey() {
    return Array.from({ length: 4 }, () => Math.floor(this.#platform.random() * 2 ** 32).toString(36)).join('-');
  }
}
