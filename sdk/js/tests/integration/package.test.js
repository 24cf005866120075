// The package as whoever installs it gets it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const TSC = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url));
const MOST_BYTES = 8 * 1024;

const PROGRAM = `
import { SyncKairosClient, SyncKairosError, format, phase, timeElapsed, timeLeft } from '@synckairos/client';
const client = new SyncKairosClient('http://127.0.0.1:1', 'ws://127.0.0.1:1/ws', { token: async () => 't' });
console.log(format(61_000), typeof phase, typeof timeLeft, typeof timeElapsed, client.status, SyncKairosError.name);
`;

const TYPED = `${PROGRAM}
import type { Adjustment, ClientEvents, ClientOptions, Clock, ClockReading, ConnectionStatus, Group, NewParticipant,
  Participant, Phase, Platform, SessionConfig, SessionState, SessionStatus, SyncMode, TimeExpired, TimeoutAction,
  TimeWarning, TokenSource } from '@synckairos/client';
const watch = (state: SessionState): Phase => phase(state, client.getServerTime());
const left: number | null = timeLeft({} as SessionState & { participants: [] }, undefined) ?? null;
const leave: () => void = client.on('timeWarning', ({ level, threshold_ms: ms }) => console.log(level === 'low', ms));
client.connectWebSocket('s', (state) => { const id: string | null = state.active_participant_id; console.log(id); });
const made: Promise<SessionState> = client.createSession({ sync_mode: 'global', total_time_ms: 60_000 });
client.adjustTime('s', 'p', { delta_ms: 5, reason: 'a bonus' });
client.on('error', (error) => console.log(error.code, error.status, error.retryAfterMs));
// @ts-expect-error there is no such mode
client.createSession({ sync_mode: 'blitz' });
// @ts-expect-error there is no such event
client.on('tick', () => {});
// @ts-expect-error a bank is set or shifted
client.adjustTime('s', 'p', { reason: 'none' });
const platform: Partial<Platform> = { now: () => 0 };
const options: ClientOptions = { platform, maxAttempts: Infinity, maxDelayMs: 2000, token: null };
client.on('timeExpired', (expiry: TimeExpired) => console.log(expiry.action_applied));
// @ts-expect-error a wait is a number
new SyncKairosClient('/', '/ws', { maxDelayMs: '2s' });
export { watch, left, leave, made, options };
export type Rest = [Adjustment, ClientEvents, Clock, ClockReading, ConnectionStatus, Group, NewParticipant, Participant,
  SessionConfig, SessionStatus, SyncMode, TimeoutAction, TimeWarning, TokenSource];
`;

let folder;
const run = (command, args, cwd = folder) => execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe' });

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'synckairos-package.'));
  run('npm', ['pack', '--silent', '--pack-destination', folder], PACKAGE);
  const [tarball] = readdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{"type": "module", "private": true}');
  run('npm', ['install', '--silent', '--offline', '--no-audit', '--no-fund', `./${tarball}`]);
});

after(() => rmSync(folder, { recursive: true, force: true }));

test('an empty project imports it', () => {
  writeFileSync(join(folder, 'main.js'), PROGRAM);
  assert.equal(run('node', ['main.js']), '1:01 function function function disconnected SyncKairosError\n');
});

test('a TypeScript project has its types, under every way of finding them', () => {
  writeFileSync(join(folder, 'main.ts'), TYPED);
  for (const [module, resolution] of [['NodeNext', 'NodeNext'], ['ESNext', 'Bundler']]) {
    run('node', [TSC, '--strict', '--noEmit', '--target', 'ES2022', '--module', module,
      '--moduleResolution', resolution, 'main.ts']);
  }
});

test('it holds what it needs and nothing else', () => {
  const names = readdirSync(join(folder, 'node_modules/@synckairos/client')).sort();
  assert.deepEqual(names, ['README.md', 'package.json', 'src', 'types']);
  assert.deepEqual(readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.')), ['@synckairos']);
});

test('a page that bundles it gets less than 8 KiB', async (context) => {
  const { outputFiles } = await build({ stdin: { contents: "export * from '@synckairos/client';", resolveDir: folder },
    bundle: true, minify: true, format: 'esm', target: 'es2022', write: false });
  const plain = outputFiles[0].contents.length;
  const zipped = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  context.diagnostic(`minified ${plain} bytes, gzipped ${zipped}`);
  assert.ok(zipped < MOST_BYTES, `${zipped} bytes`);
});
