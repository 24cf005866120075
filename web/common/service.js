// The service behind this page: a client for its origin, and the token that somebody typed in.

import { SyncKairosClient } from '/sdk/index.js';
import { keep, read } from './store.js';

const TOKEN = ['sessionStorage', 'synckairos.token']; // it goes when the tab does

export const token = () => read(...TOKEN);

/**
 * @param {string} text an empty one forgets it
 * @returns {boolean} false: this browser keeps nothing for pages
 */
export const setToken = (text) => keep(...TOKEN, text || null);

/**
 * Never given up, and often enough for a page to be right within 3 s of the service's return, of which a web server may
 * take one to notice it.
 */
export const RECONNECTION = { maxAttempts: Infinity, maxDelayMs: 1500 };

export const newClient = () =>
  new SyncKairosClient('/', '/ws', { ...RECONNECTION, ...(token() && { token: token() }) });

/** What went wrong, for people. */
export function explain(error) {
  const details = Array.isArray(error.details) ? error.details.map(({ field, message }) => `${field} ${message}`) : [];
  return [error.message || String(error), ...details].join('; ');
}

/** Whether another token may help. */
export const isTokenMissing = ({ code }) =>
  ['UNAUTHORIZED', 'FORBIDDEN', 'TOKEN_EXPIRED', 'TOKEN_INVALID'].includes(code);
