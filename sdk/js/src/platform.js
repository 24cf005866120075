// What the client takes from where it runs. Tests hand in clocks and timers of their own.

/** @param {() => void} callback */
function onWake(callback) {
  const shown = () => document.visibilityState === 'visible' && callback();
  const hasPage = typeof document !== 'undefined';
  if (hasPage) {
    document.addEventListener('visibilitychange', shown);
    globalThis.addEventListener('online', callback);
  }
  return () => {
    if (hasPage) {
      document.removeEventListener('visibilitychange', shown);
      globalThis.removeEventListener('online', callback);
    }
  };
}

const ANSWER_MS = 2000;
const FROM_A_PROXY = new Set([502, 503, 504]); // which has nobody behind it now

/**
 * Only of a server of the page's own origin a page may see what it answers; of another one, whether. One that takes
 * its time may be there.
 * @param {string} url
 */
async function answers(url) {
  if (typeof document === 'undefined') {
    return true; // to be found out by the WebSocket, which nobody holds back
  }
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ANSWER_MS);
  try {
    const address = url.replace(/^ws/, 'http');
    const { status } = await fetch(address, { mode: 'no-cors', cache: 'no-store', signal: abort.signal });
    return !FROM_A_PROXY.has(status);
  } catch {
    return abort.signal.aborted;
  } finally {
    clearTimeout(timer);
  }
}

/** @type {import('./types.js').Platform} */
export const platform = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  random: () => Math.random(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  fetch: (url, init) => fetch(url, init),
  answers,
  onWake,
};

/**
 * Makes an address absolute; a page may name one relative to itself.
 * @param {string} address
 * @param {string} name for the complaint
 * @param {string[]} schemes the allowed ones, the plain one in front, the one over TLS behind
 */
export function absoluteUrl(address, name, schemes) {
  let url;
  try {
    url = new URL(address, globalThis.location?.href);
  } catch {
    throw new TypeError(`${name} is not an address: ${address}`);
  }
  if (globalThis.location && url.origin === globalThis.location.origin) {
    url.protocol = url.protocol === 'https:' ? schemes[1] : schemes[0];
  }
  if (!schemes.includes(url.protocol)) {
    throw new TypeError(`${name} must begin with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}: ${address}`);
  }
  return url;
}
