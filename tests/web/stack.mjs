// The whole service on ports of its own, in a folder of its own, started as `make run` starts it.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START_MS = 90000;
const SECRET = 'a secret for these tests, and for nothing else';

export const BUILD = path.resolve(process.env.SYNCKAIROS_BUILD ?? path.join(ROOT, 'build'));

export const sleep = (ms) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/**
 * Waits until a condition holds, and says what it waited for when it does not.
 * @param {string | (() => string)} what a function where that is known only in the end
 */
export async function until(what, condition, withinMs = 15000) {
  const giveUp = performance.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > giveUp) {
      throw new Error(`not within ${withinMs} ms: ${typeof what === 'function' ? what() : what}`);
    }
    await sleep(20);
  }
}

export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** A folder in which the service finds what it reads of the project, and writes what it writes. */
export async function newFolder() {
  const folder = await mkdtemp(path.join(tmpdir(), 'synckairos-web-'));
  for (const name of ['web', 'sdk', 'deploy', 'sql', 'lighttpd.conf'])
    await symlink(path.join(ROOT, name), path.join(folder, name));
  return folder;
}

export const answers = (url) =>
  fetch(url, { signal: AbortSignal.timeout(1000) }).then(
    ({ ok }) => ok,
    () => false,
  );

/** Asks the API behind an address; the body's `data`. */
export async function ask(url, method, where, body, headers = {}) {
  const answer = await fetch(`${url}${where}`, {
    method,
    body: body ? JSON.stringify(body) : method === 'GET' ? undefined : '',
    headers: { ...(body && { 'Content-Type': 'application/json' }), ...headers },
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${text}`);
  return text ? JSON.parse(text).data : null;
}

export class Stack {
  #child;
  #output = '';
  #environment;

  /** @param {Record<string, string>} more environment of every program */
  static async start(build = BUILD, more = {}) {
    const stack = new Stack();
    stack.folder = await newFolder();
    stack.build = path.resolve(build);
    stack.port = await freePort();
    stack.url = `http://127.0.0.1:${stack.port}`;
    stack.#environment = {
      PORT: String(stack.port),
      RELAY_PORT: String(await freePort()),
      RATE_LIMIT_GENERAL: '0',
      ...more,
    };
    try {
      await stack.up();
    } catch (error) {
      await stack.end();
      throw error;
    }
    return stack;
  }

  /** One that asks for tokens. */
  static startKeyed() {
    return Stack.start(BUILD, { JWT_SECRET: SECRET });
  }

  /** A token for one that asks for them. */
  token(scope, { sub = 'keeper', ttlSeconds = 3600 } = {}) {
    const given = ['token', '--sub', sub, '--scope', scope, '--ttl', String(ttlSeconds)];
    const env = { ...process.env, JWT_SECRET: SECRET };
    return execFileSync(path.join(this.build, 'synckairos-api'), given, { env, encoding: 'utf8' }).trim();
  }

  async up() {
    const { REDIS_URL, DATABASE_URL, ...environment } = process.env;
    this.#child = spawn(path.join(this.folder, 'deploy/local/run'), [this.build], {
      env: { ...environment, ...this.#environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.on('data', (data) => {
        this.#output += data;
      });
    await until(
      () => `the stack to start:\n${this.#output}`,
      () => {
        if (this.#child.exitCode !== null) throw new Error(`it ended:\n${this.#output}`);
        return answers(`${this.url}/ready`);
      },
      START_MS,
    );
  }

  async down() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }

  /** The process id of redis, relay, front … */
  async pid(name) {
    return Number((await readFile(path.join(this.folder, 'run/pids', name), 'utf8')).split(' ')[0]);
  }

  /** Asks the API past every page; the body's `data`. */
  ask(...request) {
    return ask(this.url, ...request);
  }

  async end() {
    await this.down();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A TCP proxy in front of a port, whose connections can be frozen, and cut. */
export class Proxy {
  #pairs = new Set();
  #frozen = false;

  static async start(target) {
    const proxy = new Proxy();
    proxy.server = net.createServer((client) => proxy.#join(client, net.connect(target, '127.0.0.1')));
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    proxy.url = `http://127.0.0.1:${proxy.server.address().port}`;
    return proxy;
  }

  #join(client, server) {
    const pair = [client, server];
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const [from, to] of [pair, [server, client]]) {
      from.on('data', (data) => to.write(data));
      from.on('error', end);
      from.on('close', end);
      if (this.#frozen) from.pause();
    }
  }

  /** Nothing passes any more, and nobody is told: a network that is gone. */
  freeze() {
    this.#frozen = true;
    for (const socket of [...this.#pairs].flat()) socket.pause();
  }

  thaw() {
    this.#frozen = false;
    for (const socket of [...this.#pairs].flat()) socket.resume();
  }

  cut() {
    for (const socket of [...this.#pairs].flat()) socket.destroy();
  }

  async end() {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }
}
