// Real servers for the tests: `deploy/local/run` in a folder of its own, over a Redis that a test may stop and start,
// and relays besides its own. The programs are those of the folder that SYNCKAIROS_BUILD names, else of build.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const CHECKOUT = fileURLToPath(new URL('../../../../', import.meta.url));
const BUILD = resolve(CHECKOUT, process.env.SYNCKAIROS_BUILD ?? 'build');
const DEADLINE_MS = 60_000;

export const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// Waits until a condition holds; what it last gave is returned.
export async function until(what, condition, withinMs = DEADLINE_MS) {
  const giveUp = performance.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (performance.now() > giveUp) {
      throw new Error(`not within ${withinMs} ms: ${what}`);
    }
    await pause(10);
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.on('connect', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  });
}

// A program, its output kept for the moment in which something goes wrong.
class Program {
  output = '';

  constructor(command, args, options) {
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    this.ended = once(this.child, 'exit');
    this.child.stdout.on('data', (text) => { this.output += text; });
    this.child.stderr.on('data', (text) => { this.output += text; });
  }

  async ready(what, condition) {
    await until(what, async () => {
      if (this.child.exitCode !== null) {
        throw new Error(`it ended before ${what}:\n${this.output}`);
      }
      return condition();
    });
    return this;
  }

  async stop(signal = 'SIGTERM') {
    this.child.kill(signal);
    await this.ended;
  }
}

// `make run` in a folder that looks like the checkout, because a checkout runs one at a time.
function standInFor(folder) {
  mkdirSync(join(folder, 'web'));
  const link = (name) => symlinkSync(join(CHECKOUT, name), join(folder, name));
  readdirSync(CHECKOUT).filter((name) => !['.git', 'run', 'build', 'web'].includes(name)).forEach(link);
  readdirSync(join(CHECKOUT, 'web')).forEach((name) => link(join('web', name)));
}

export class Stack {
  #folder = mkdtempSync(join(tmpdir(), 'synckairos-sdk.'));
  #programs = new Set();
  #env = {};

  // env: options of the programs' own (docs/configuration.md).
  static async start(env = {}) {
    const stack = new Stack();
    try {
      await stack.#start(env);
    } catch (fault) {
      await stack.stop();
      throw fault;
    }
    return stack;
  }

  async #start(env) {
    chmodSync(this.#folder, 0o755); // PostgreSQL runs as somebody else
    mkdirSync(join(this.#folder, 'redis'));
    standInFor(this.#folder);
    const [port, relayPort, redisPort] = [await freePort(), await freePort(), await freePort()];
    this.redisPort = redisPort;
    this.#env = { ...process.env, RATE_LIMIT_GENERAL: '0', RATE_LIMIT_SWITCH: '0', ...env,
      REDIS_URL: `redis://127.0.0.1:${redisPort}`, PORT: String(port), RELAY_PORT: String(relayPort) };
    await this.startRedis();
    const front = this.#run(join(this.#folder, 'deploy/local/run'), [BUILD], this.#env);
    this.front = front;
    await front.ready('everything answers', () => front.output.includes('try:'));
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.ws = `ws://127.0.0.1:${port}/ws`;
  }

  #run(command, args, env) {
    const program = new Program(command, args, { env, cwd: this.#folder });
    this.#programs.add(program);
    program.ended.then(() => this.#programs.delete(program));
    return program;
  }

  async startRedis() {
    this.redis = this.#run('redis-server', ['--port', String(this.redisPort), '--bind', '127.0.0.1', '--dir',
      join(this.#folder, 'redis'), '--appendonly', 'yes', '--save', '', '--maxmemory-policy', 'noeviction'],
    process.env);
    await this.redis.ready('Redis answers', () => this.redis.output.includes('Ready to accept connections'));
  }

  // One more relay, to be stopped and started as a test likes; on a port of its own, or the one given.
  async startRelay(env = {}, port = undefined) {
    const listening = port ?? await freePort();
    const relay = this.#run(join(BUILD, 'synckairos-relay'), [], { ...this.#env, RELAY_DRAIN_S: '0',
      METRICS_FILE: join(this.#folder, `metrics-${listening}`), ...env, RELAY_PORT: String(listening) });
    await relay.ready('the relay answers', () => answers(listening));
    return Object.assign(relay, { port: listening, ws: `ws://127.0.0.1:${listening}/ws` });
  }

  // A page of the test's own among those of web/.
  addPage(name, text) {
    writeFileSync(join(this.#folder, 'web', name), text);
  }

  async stop() {
    const redis = this.redis;
    await Promise.all([...this.#programs].filter((program) => program !== redis).map((program) => program.stop()));
    await Promise.all([...this.#programs].map((program) => program.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
