// The one error type. Its code is the server's where the server gave one (docs/api.md, "Errors"), else one of ours.

export class SyncKairosError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{status?: number, details?: unknown, requestId?: string, retryAfterMs?: number, cause?: unknown}} [more]
   */
  constructor(code, message, more = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'SyncKairosError';
    /** Decide by this, never by the message. */
    this.code = code;
    /** The HTTP status, or the WebSocket's close code; 0 where there was no answer. */
    this.status = more.status ?? 0;
    /** What the server adds, such as the fields of a VALIDATION_ERROR. */
    this.details = more.details;
    /** The X-Request-Id to quote to the operator. */
    this.requestId = more.requestId;
    /** When the server says that it makes sense to try again. */
    this.retryAfterMs = more.retryAfterMs;
  }
}

/**
 * @param {unknown} fault
 * @param {string} code
 * @param {string} what
 */
export function wrap(fault, code, what) {
  const text = fault instanceof Error ? fault.message : String(fault);
  return new SyncKairosError(code, `${what}: ${text}`, { cause: fault });
}
