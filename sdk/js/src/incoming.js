// What the server says, looked at before it is believed.

import { SyncKairosError, wrap } from './errors.js';

/**
 * @param {any} value
 * @returns {value is import('./types.js').SessionState}
 */
const isState = (value) => typeof value?.session_id === 'string';

/**
 * A frame of the WebSocket. Throws INVALID_FRAME.
 * @param {unknown} text
 * @returns {{type: string, [more: string]: any}}
 */
export function parseFrame(text) {
  let frame;
  try {
    frame = JSON.parse(String(text));
  } catch (fault) {
    throw wrap(fault, 'INVALID_FRAME', 'the server sent what is not JSON');
  }
  if (typeof frame?.type !== 'string') {
    throw new SyncKairosError('INVALID_FRAME', 'the server sent a frame without a type');
  }
  if ((frame.type === 'STATE_SYNC' || frame.type === 'STATE_UPDATE') && !isState(frame.payload)) {
    throw new SyncKairosError('INVALID_FRAME', `the server sent a ${frame.type} without a session`);
  }
  return frame;
}

/**
 * The session in an answer of REST. Throws INVALID_ANSWER.
 * @param {any} answer
 */
export function sessionOf(answer) {
  if (!isState(answer?.data)) {
    throw new SyncKairosError('INVALID_ANSWER', 'the answer holds no session');
  }
  return answer.data;
}

/**
 * The time in an answer to GET /v1/time. Throws INVALID_ANSWER.
 * @param {any} answer
 * @returns {number}
 */
export function timeOf(answer) {
  if (!Number.isFinite(answer?.timestamp_ms)) {
    throw new SyncKairosError('INVALID_ANSWER', 'the answer holds no time');
  }
  return answer.timestamp_ms;
}
