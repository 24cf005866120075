// A Redis of the tests' own, which may die and come back with what it had.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until } from './stack.mjs';

const answers = (socket) =>
  new Promise((resolve) => {
    const link = net.connect(socket, () => link.write('PING\r\n'));
    link.on('data', (data) => {
      resolve(String(data).startsWith('+PONG'));
      link.destroy();
    });
    link.on('error', () => resolve(false));
  });

export class Redis {
  #child;

  static async start() {
    const redis = new Redis();
    redis.folder = await mkdtemp(path.join(tmpdir(), 'synckairos-redis-'));
    redis.socket = path.join(redis.folder, 'redis.sock');
    redis.url = `unix://${redis.socket}`;
    await redis.up();
    return redis;
  }

  async up() {
    this.#child = spawn(
      'redis-server',
      [
        '--port',
        '0',
        '--unixsocket',
        this.socket,
        '--dir',
        this.folder,
        '--appendonly',
        'yes',
        '--appendfsync',
        'always',
        '--save',
        '',
        '--maxmemory-policy',
        'noeviction',
      ],
      { stdio: 'ignore' },
    );
    await until('Redis to answer', () => answers(this.socket));
  }

  async kill() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  async end() {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}
