// The service behind this page: a client for its origin, the token that somebody typed in, and news of its return.

import { SyncKairosClient } from '/sdk/index.js';

const TOKEN = 'synckairos.token'; // in sessionStorage: it goes when the tab does

export const token = () => sessionStorage.getItem(TOKEN);

/** An empty one forgets it. */
export function setToken(text) {
  if (text) sessionStorage.setItem(TOKEN, text);
  else sessionStorage.removeItem(TOKEN);
}

export function newClient() {
  const relay = `${location.origin.replace(/^http/, 'ws')}/ws`;
  return new SyncKairosClient(location.origin, relay, token() ? { token: token() } : {});
}

/** What went wrong, for people. */
export function explain(error) {
  const details = Array.isArray(error.details) ? error.details.map(({ field, message }) => `${field} ${message}`) : [];
  return [error.message || String(error), ...details].join('; ');
}

export const isTokenMissing = (error) => error.code === 'UNAUTHORIZED' || error.code === 'FORBIDDEN';

async function statusOf(path) {
  try {
    const answer = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(2000) });
    return answer.status;
  } catch {
    return 0;
  }
}

// Ready to be connected to: Redis behind the API, and the relay, which tells a plain request to upgrade.
const isBack = async () => (await statusOf('/ready')) === 200 && (await statusOf('/ws')) === 426;

/**
 * Calls `retry` as soon as the service answers again, long before a client that waits ever longer would ask. Starts
 * when told that the connection is lost, ends when told that it is there; attempts in vain come ever more slowly.
 * @param {() => void} retry
 */
export function watchForReturn(retry) {
  let timer = 0;
  let attempts = 0;
  const ask = async () => {
    const asked = timer;
    const back = await isBack();
    if (timer !== asked) return;
    if (back) retry();
    attempts += back ? 1 : 0;
    timer = window.setTimeout(
      ask,
      Math.min(30000, 1000 * 2 ** Math.max(0, attempts - 2)) * (0.8 + 0.2 * Math.random()),
    );
  };
  const found = () => {
    window.clearTimeout(timer);
    timer = attempts = 0;
  };
  return {
    lost: () => {
      timer ||= window.setTimeout(ask, 500);
    },
    found,
  };
}
