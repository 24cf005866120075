// A second way into a service: a web server with its API, and a relay, beside those of a stack and over the same Redis
// or one of its own. Each can be stopped and started, while the stack goes on.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { BUILD, answers, ask, freePort, newFolder, until } from './stack.mjs';

export class Front {
  #environment;
  #web;
  #relay;

  static async start(redisUrl) {
    const front = new Front();
    const [port, relayPort] = [await freePort(), await freePort()];
    front.folder = await newFolder();
    front.url = `http://127.0.0.1:${port}`;
    front.relayUrl = `http://127.0.0.1:${relayPort}`;
    front.#environment = {
      ...process.env,
      PATH: `${process.env.PATH}:/usr/sbin`, // lighttpd's place
      PORT: String(port),
      RELAY_PORT: String(relayPort),
      RELAY_DRAIN_S: '0',
      API_PROCESSES: '1',
      RATE_LIMIT_GENERAL: '0',
      REDIS_URL: redisUrl,
      METRICS_FILE: '',
      SYNCKAIROS_API: path.join(BUILD, 'synckairos-api'),
      SYNCKAIROS_RUN: 'run',
    };
    try {
      await Promise.all([front.startWeb(), front.startRelay()]);
    } catch (error) {
      await front.end();
      throw error;
    }
    return front;
  }

  #spawn(program, given = []) {
    return spawn(program, given, { cwd: this.folder, env: this.#environment, stdio: 'ignore' });
  }

  /** Asks the API past every page; the body's `data`. */
  ask(...request) {
    return ask(this.url, ...request);
  }

  async startWeb() {
    this.#web = this.#spawn('lighttpd', ['-D', '-f', 'lighttpd.conf']);
    await this.#answered(this.url);
  }

  async startRelay() {
    this.#relay = this.#spawn(path.join(BUILD, 'synckairos-relay'));
    await this.#answered(this.relayUrl);
  }

  /** Until all of it can do its work; lighttpd looks once a second whether a relay that was away is back. */
  async ready() {
    await Promise.all([this.url, this.relayUrl].map((url) => this.#answered(url)));
    await until('the web server to find the relay', async () => (await fetch(`${this.url}/ws`)).status !== 503);
  }

  #answered(url) {
    return until(`${url} to be ready`, () => answers(`${url}/ready`));
  }

  stopWeb = () => stop(this.#web);
  stopRelay = () => stop(this.#relay);

  async end() {
    await Promise.all([this.stopWeb(), this.stopRelay()]);
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function stop(child) {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
