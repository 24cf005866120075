// A page in a real browser, asked through the DevTools protocol.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import WebSocket from 'ws';

import { until } from './stack.js';

export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--remote-debugging-port=0'];

export class Page {
  #asked = 0;

  // folder: for the browser's own files.
  static async open(url, folder) {
    const page = new Page();
    page.browser = spawn(CHROMIUM, [...FLAGS, `--user-data-dir=${folder}`, url], { stdio: 'ignore' });
    page.ended = once(page.browser, 'exit');
    const portFile = join(folder, 'DevToolsActivePort');
    const readPort = () => existsSync(portFile) && readFileSync(portFile, 'utf8').split('\n')[0];
    const port = await until('the browser listens', readPort);
    const target = await until('the page is there', async () => {
      const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
      return targets.find((one) => one.url === url);
    });
    page.socket = new WebSocket(target.webSocketDebuggerUrl);
    await once(page.socket, 'open');
    return page;
  }

  // What an expression is in the page.
  async ask(expression) {
    const id = ++this.#asked;
    this.socket.send(JSON.stringify({ id, method: 'Runtime.evaluate', params: { expression, returnByValue: true } }));
    for (;;) {
      const [text] = await once(this.socket, 'message');
      const answer = JSON.parse(text);
      if (answer.id === id) {
        return answer.result.result.value;
      }
    }
  }

  async close() {
    this.socket?.terminate();
    this.browser.kill();
    await this.ended;
  }
}
