// A wire that a test can cut: TCP in between, which passes everything on, or loses answers, holds requests back, or
// lies dead.

import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';

export class Proxy {
  answersToLose = 0; // of those that come next; the requests arrive
  dead = false; // nothing is passed on, and nobody is told
  #held = null; // what waits to be passed on
  #pairs = new Set();

  static async before(port) {
    const proxy = new Proxy();
    proxy.server = createServer((near) => proxy.#join(near, port)).listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    proxy.port = proxy.server.address().port;
    return proxy;
  }

  #join(near, port) {
    const far = createConnection({ port, host: '127.0.0.1' });
    const pair = [near, far];
    this.#pairs.add(pair);
    near.on('data', (data) => this.#ask(far, data));
    far.on('data', (data) => this.#answer(near, far, data));
    pair.forEach((socket, i) => {
      socket.on('error', () => {});
      socket.on('close', () => {
        if (!this.dead) {
          this.#pairs.delete(pair);
          pair[1 - i].destroy();
        }
      });
    });
  }

  #ask(far, data) {
    if (this.#held) {
      this.#held.push(() => far.write(data));
    } else if (!this.dead) {
      far.write(data);
    }
  }

  #answer(near, far, data) {
    if (this.answersToLose > 0) {
      this.answersToLose -= 1;
      near.destroy();
    } else if (!this.dead) {
      near.write(data);
    }
  }

  hold() {
    this.#held = [];
  }

  get holds() {
    return this.#held?.length ?? 0;
  }

  release() {
    const held = this.#held;
    this.#held = null;
    held.forEach((pass) => pass());
  }

  cut() {
    [...this.#pairs].flat().forEach((socket) => socket.destroy());
  }

  async close() {
    this.server.close();
    this.cut();
  }
}
