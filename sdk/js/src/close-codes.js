// What a close code of the relay means (docs/websocket.md, "Closing").

import { SyncKairosError } from './errors.js';

export const CLOSED = 1000;
export const TOKEN_EXPIRED = 4009;
export const BUSY = 4013;

/** @type {Record<number, [code: string, text: string]>} those after which nobody reconnects, but for 1000 */
const TERMINAL = {
  1008: ['POLICY_VIOLATION', 'the server refused what this client asks or how often'],
  1009: ['PAYLOAD_TOO_LARGE', 'a message was too large for the server'],
  4001: ['UNAUTHORIZED', 'no token, or one that is not valid'],
  4003: ['FORBIDDEN', 'the token, or the page it comes from, is not allowed here'],
  4004: ['SESSION_NOT_FOUND', 'no such session'],
};

/**
 * The error that a close means; null where it makes sense to connect again, or nothing is wrong.
 * @param {number} code
 * @param {string} reason
 * @param {boolean} renewable whether there may be another token
 */
export function terminalError(code, reason, renewable) {
  const [name, text] = TERMINAL[code] ?? [];
  if (name) {
    return new SyncKairosError(name, reason || `${text}`, { status: code });
  }
  if (code === TOKEN_EXPIRED && !renewable) {
    return new SyncKairosError('TOKEN_EXPIRED', 'the token has expired, and there is no other', { status: code });
  }
  return null;
}
