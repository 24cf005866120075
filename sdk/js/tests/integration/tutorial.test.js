// The code of docs/tutorial.md and docs/sdk.md that stands there under a file's name, run as they say.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { SyncKairosClient } from '../../src/index.js';
import { CHROMIUM, Page } from './browser.js';
import { Stack, until } from './stack.js';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

// A block's first line names its file.
const prose = ['tutorial.md', 'sdk.md'].map((name) => readFileSync(at(`../../../../docs/${name}`), 'utf8')).join('\n');
const blocks = new Map([...prose.matchAll(/^```(?:js|html)\n(?:\/\/|<!--) (\S+?)(?: -->)?\n([^]*?)^```/gm)]
  .map(([, name, code]) => [name, code]));

let stack;
let folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'synckairos-tutorial.'));
  for (const [name, place] of [['@synckairos/client', '../../'], ['ws', '../../../node_modules/ws']]) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true });
    symlinkSync(at(place), join(folder, 'node_modules', name));
  }
  blocks.forEach((code, name) => writeFileSync(join(folder, name), code));
  stack = await Stack.start();
});
after(async () => {
  await stack?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function run(name, ...args) {
  const child = spawn(process.execPath, [name, ...args], { cwd: folder, env: { ...process.env, SERVICE: stack.url } });
  const program = { child, output: '', ended: once(child, 'exit') };
  [child.stdout, child.stderr].forEach((stream) => stream.on('data', (text) => { program.output += text; }));
  after(() => child.kill());
  return program;
}

async function newGame() {
  const program = run('new-game.mjs');
  assert.deepEqual(await program.ended, [0, null], program.output);
  return program.output.trim();
}

const lastLine = ({ output }) => output.slice(output.lastIndexOf('\r') + 1);
const shows = (clocks, pattern) => until(`all show ${pattern}: ${clocks.map(lastLine)}`,
  () => clocks.every((clock) => pattern.test(lastLine(clock))));

test('the documents have their files', () => {
  assert.deepEqual([...blocks.keys()], ['new-game.mjs', 'clock.mjs', 'chess.html', 'chess.js', 'first-clock.mjs']);
});

test('the first clock is told of everything that is done to it', async () => {
  const program = run('first-clock.mjs');
  assert.deepEqual(await program.ended, [0, null], program.output);
  assert.match(program.output, /completed null --:--\n$/);
});

test('two terminals show one chess clock', async () => {
  const game = await newGame();
  const clocks = [run('clock.mjs', game), run('clock.mjs', game)];
  await shows(clocks, /^ {2}white 5:00 {3} {2}black 5:00 {3}idle/);
  clocks[0].child.stdin.write('\n');
  await shows(clocks, /^> white (4:59|5:00) .*running/);
  clocks[1].child.stdin.write('\n');
  await shows(clocks, /^ {2}white 5:0\d .*> black (4:59|5:00) .*running/);
  clocks[0].child.stdin.write('p\n');
  await shows(clocks, /paused/);
  clocks.forEach(({ child }) => child.stdin.write('q\n'));
  for (const clock of clocks) {
    assert.deepEqual(await clock.ended, [0, null], clock.output);
  }
});

test('a page shows it too', { skip: !existsSync(CHROMIUM) && `there is no ${CHROMIUM}` }, async (context) => {
  const game = await newGame();
  stack.addPage('chess.html', blocks.get('chess.html'));
  stack.addPage('chess.js', blocks.get('chess.js'));
  const page = await Page.open(`${stack.url}/chess.html?game=${game}`, join(folder, 'browser'));
  context.after(() => page.close());
  const clocks = async () => (await page.ask("document.getElementById('clocks').textContent")) ?? '';
  await until('it shows both clocks', async () => /^ {2}white 5:00\n {2}black 5:00$/.test(await clocks()));
  await new SyncKairosClient(stack.url, stack.ws).startSession(game);
  await until('white plays', async () => (await clocks()).startsWith('> white'));
  await page.ask("document.getElementById('press').click()");
  await until('black plays', async () => (await clocks()).includes('> black'));
});
