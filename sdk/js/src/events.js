// Handlers by event name. A handler that throws disturbs neither the others nor the connection; what it threw is
// reported as the platform reports uncaught errors.

/** @typedef {import('./types.js').ClientEvents} ClientEvents */

const NAMES = new Set(['connected', 'disconnected', 'reconnecting', 'connectionFailed', 'error', 'stateUpdate',
  'timeExpired', 'timeWarning', 'sessionDeleted', 'clockSkewDetected', 'timeSynced']);

export class Events {
  /** @type {Map<string, Set<(payload: any) => void>>} */
  #handlers = new Map();

  /**
   * Returns what takes the handler away again.
   * @template {keyof ClientEvents} Name
   * @param {Name} name
   * @param {(payload: ClientEvents[Name]) => void} handler
   * @returns {() => void}
   */
  on(name, handler) {
    if (!NAMES.has(name)) {
      throw new TypeError(`there is no event "${name}"`);
    }
    if (typeof handler !== 'function') {
      throw new TypeError(`on("${name}"): the handler must be a function`);
    }
    const handlers = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, handlers.add(handler));
    return () => this.off(name, handler);
  }

  /**
   * @template {keyof ClientEvents} Name
   * @param {Name} name
   * @param {(payload: ClientEvents[Name]) => void} handler
   */
  off(name, handler) {
    this.#handlers.get(name)?.delete(handler);
  }

  /**
   * @template {keyof ClientEvents} Name
   * @param {Name} name
   * @param {ClientEvents[Name]} payload
   */
  emit(name, payload) {
    const handlers = [...(this.#handlers.get(name) ?? [])];
    if (name === 'error' && handlers.length === 0) {
      console.error(payload);
    }
    handlers.forEach((handler) => guarded(handler, payload));
  }
}

/**
 * @template Payload
 * @param {(payload: Payload) => void} handler
 * @param {Payload} payload
 */
export function guarded(handler, payload) {
  try {
    handler(payload);
  } catch (fault) {
    queueMicrotask(() => { throw fault; });
  }
}
