// The packages as whoever installs them gets them, in a browser: two roots of the example, over real servers.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { SyncKairosClient } from '@synckairos/client';
import { CHROMIUM, Page } from '../../../js/tests/integration/browser.js';
import { Stack, until } from '../../../js/tests/integration/stack.js';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const TSC = at('../../../node_modules/typescript/bin/tsc');
const PACKED = [at('../../../js'), at('../../'), ...['react', 'react-dom', 'scheduler', '@types/react', 'csstype']
  .map((name) => at(`../../../node_modules/${name}`))];

const REACTS = { // in place of what is installed
  18: { react: at('../../../node_modules/react18'), 'react-dom': at('../../../node_modules/react-dom18') },
  19: {},
};

const MAIN = `
import { SyncKairosClient } from '@synckairos/client';
import { StrictMode, version } from 'react';
import { createRoot } from 'react-dom/client';
import { ChessClock } from './chess-clock.jsx';

document.title = version;
const game = new URLSearchParams(location.search).get('game');
for (const player of ['white', 'black']) {
  const client = new SyncKairosClient('/', '/ws');
  createRoot(document.getElementById(player))
    .render(<StrictMode><ChessClock game={game} client={client} player={player} /></StrictMode>);
}`;

const TYPED = `
import { SyncKairosClient, SyncKairosError } from '@synckairos/client';
import type { SessionState } from '@synckairos/client';
import { useNow, useSyncKairos } from '@synckairos/react';
import type { SyncKairos } from '@synckairos/react';
import type { MouseEventHandler } from 'react';
declare const client: SyncKairosClient;
export function useAll() {
  const clock: SyncKairos = useSyncKairos(null, client, 'white');
  const now: number = useNow(100, client) + useNow();
  const error: SyncKairosError | null = clock.error;
  const times: Record<string, number | null> = clock.getAllParticipantTimes(now);
  const press: MouseEventHandler = clock.switchCycle;
  const state: Promise<SessionState> = clock.startSession();
  // @ts-expect-error a client is needed
  useSyncKairos('s');
  // @ts-expect-error an id, or what counts as none
  clock.switchCycle(1);
  return { error, times, press, state };
}`;

let folder;
let stack;
const run = (command, args) => execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'synckairos-react.'));
  PACKED.forEach((path) => run('npm', ['pack', '--silent', path]));
  const tarballs = readdirSync(folder).map((name) => `./${name}`);
  writeFileSync(join(folder, 'package.json'), '{"type": "module", "private": true}');
  run('npm', ['install', '--silent', '--offline', '--no-audit', '--no-fund', ...tarballs]);
  stack = await Stack.start();
});
after(async () => {
  await stack?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('the package holds what it needs and nothing else', () => {
  const names = readdirSync(join(folder, 'node_modules/@synckairos/react')).sort();
  assert.deepEqual(names, ['README.md', 'package.json', 'src', 'types']);
  assert.deepEqual(readdirSync(join(folder, 'node_modules/@synckairos')).sort(), ['client', 'react']);
});

test('a TypeScript project has its types, under every way of finding them', () => {
  writeFileSync(join(folder, 'main.ts'), TYPED);
  for (const [module, resolution] of [['NodeNext', 'NodeNext'], ['ESNext', 'Bundler']]) {
    run('node', [TSC, '--strict', '--noEmit', '--target', 'ES2022', '--module', module,
      '--moduleResolution', resolution, 'main.ts']);
  }
});

async function bundle(alias) {
  writeFileSync(join(folder, 'main.jsx'), MAIN);
  run('cp', [at('../../examples/chess-clock.jsx'), folder]);
  const { outputFiles } = await build({ entryPoints: [join(folder, 'main.jsx')], alias, bundle: true, minify: true,
    format: 'esm', jsx: 'automatic', define: { 'process.env.NODE_ENV': '"production"' }, write: false });
  return outputFiles[0].text;
}

const skip = !existsSync(CHROMIUM) && `there is no ${CHROMIUM}`;

for (const react of Object.keys(REACTS)) {
  test(`two roots in a browser agree, with React ${react}`, { skip }, (context) => play(context, react));
}

async function play(context, react) {
  const client = new SyncKairosClient(stack.url, stack.ws);
  const { session_id: game } = await client.createSession({ sync_mode: 'per_participant', total_time_ms: 300_000,
    participants: [{ participant_id: 'white' }, { participant_id: 'black' }] });
  stack.addPage('react.js', await bundle(REACTS[react]));
  stack.addPage('react.html', `<!doctype html><meta charset="utf-8"><div id="white"></div><div id="black"></div>
    <script type="module" src="react.js"></script>`);
  const page = await Page.open(`${stack.url}/react.html?game=${game}`, join(folder, `browser-${react}`));
  context.after(() => page.close());
  const clocks = async () => JSON.parse(await page.ask(`JSON.stringify(['white', 'black'].map((id) =>
    [...document.getElementById(id).querySelectorAll('button')].map((button) => button.textContent)))`) ?? '[]'); // it is loading
  const press = (player, button) => page.ask(`[...document.getElementById('${player}').querySelectorAll('button')]
    .find((one) => one.textContent.startsWith('${button}')).click()`);
  const agree = (pattern) => until(`both show ${pattern}`, async () => {
    const [one, other] = (await clocks()).map(String);
    return one === other && pattern.test(one);
  });
  await agree(/^white 5:00,black 5:00,Start$/);
  assert.equal((await page.ask('document.title')).split('.')[0], react);
  await press('white', 'Start');
  await agree(/^white 4:5\d,black 5:00,Pause$/);
  await press('black', 'black'); // not black's turn: its clock cannot be pressed
  await press('white', 'white');
  await agree(/^white 4:5\d,black 4:5\d,Pause$/);
  await press('black', 'Pause');
  await agree(/^white 4:5\d,black 4:5\d,Resume$/);
  assert.equal((await client.getSession(game)).cycle_number, 2);
}
