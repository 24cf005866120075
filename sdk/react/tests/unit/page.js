// A page without a browser, and what the tests do to it. To be imported ahead of React.

import { JSDOM } from 'jsdom';

const { window } = new JSDOM('<!doctype html>', { pretendToBeVisual: true });
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
Object.defineProperty(globalThis, 'navigator', { value: window.navigator, configurable: true }); // some Nodes have one

// React's act() leaves its channels open, and Node's keep a process alive.
globalThis.MessageChannel = class {
  port1 = { onmessage: null };
  port2 = { postMessage: () => setImmediate(() => this.port1.onmessage()) };
};

// As a browser does with its tabs.
export function show(visible) {
  Object.defineProperty(document, 'hidden', { value: !visible, configurable: true });
  Object.defineProperty(document, 'visibilityState', { value: visible ? 'visible' : 'hidden', configurable: true });
  document.dispatchEvent(new window.Event('visibilitychange'));
}

// Takes the place of setInterval and clearInterval, until restore().
export class Intervals {
  running = new Map();
  #ids = 0;
  #real = { setInterval, clearInterval };

  constructor() {
    globalThis.setInterval = (callback, ms) => {
      this.running.set(++this.#ids, { callback, ms });
      return this.#ids;
    };
    globalThis.clearInterval = (id) => this.running.delete(id);
  }

  get all() {
    return [...this.running.values()].map(({ ms }) => ms).sort((a, b) => a - b);
  }

  fire(ms) {
    [...this.running.values()].filter((interval) => interval.ms === ms).forEach(({ callback }) => callback());
  }

  restore() {
    Object.assign(globalThis, this.#real);
  }
}
