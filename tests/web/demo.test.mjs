// The demo as people use it: every preset, by mouse, by keyboard, on a phone; its sound, its size, its accessibility.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import test, { after, before } from 'node:test';
import { PHONE, launch, newPage } from './browser.mjs';
import { Stack, until } from './stack.mjs';

const BUILD = process.env.SYNCKAIROS_BUILD ?? 'build';
const LARGEST_BYTES = 100 * 1024;
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const PRESETS = ['chess', 'poker', 'quiz', 'auction', 'exam', 'meeting', 'teams', 'speedrun'];

let stack;
let browser;

before(async () => {
  stack = await Stack.start(BUILD);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await stack?.end();
});

async function create(page, preset) {
  await page.goto(`${stack.url}/`);
  await page.click(`.card:has([value=${preset}])`);
  await page.click('text=Create the clock');
  await page.waitForSelector('.pane[data-phase]');
  return new URLSearchParams(new URL(page.url()).hash.slice(1)).get('session');
}

const view = (id) => stack.ask('GET', `/v1/sessions/${id}`);
const becomes = (id, status) => until(`${id} to be ${status}`, async () => (await view(id)).status === status);

// axe is put in past the Content-Security-Policy, which lets no script of ours in either.
async function assertAccessible(page, what) {
  await page.evaluate(await readFile(AXE, 'utf8'));
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const faults = violations.map(
    ({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`,
  );
  assert.deepEqual(faults, [], what);
}

for (const preset of PRESETS) {
  test(`${preset}: created, started, switched, paused and ended by keyboard`, async () => {
    const page = await newPage(browser);
    const id = await create(page, preset);
    await page.keyboard.press('Space');
    await becomes(id, 'running');
    await page.waitForSelector('button:visible:has-text("Pause")');
    if (preset !== 'exam') {
      await page.keyboard.press('Space');
      await until('the next cycle', async () => (await view(id)).cycle_number === 2);
    }
    await page.keyboard.press('p');
    await becomes(id, 'paused');
    await page.waitForSelector('[data-phase=paused]');
    await page.keyboard.press(preset === 'exam' ? 'p' : 'Space');
    await becomes(id, 'running');
    await page.waitForSelector('button:visible:has-text("Pause")');
    await page.keyboard.press('e');
    await page.waitForSelector('text=Really end?');
    assert.equal((await view(id)).status, 'running');
    await page.keyboard.press('e');
    await becomes(id, 'completed');
    assert.deepEqual(page.faults, []);
    await page.context().close();
  });
}

test('a running clock is pressed like a chess clock; the other one is not', async () => {
  const page = await newPage(browser, { viewport: PHONE, hasTouch: true, isMobile: true });
  const id = await create(page, 'chess');
  await page.tap('text=Start');
  await page.waitForSelector('[data-key=white][data-active]');
  await page.tap('[data-key=black]');
  await page.tap('[data-key=white]');
  await page.waitForSelector('[data-key=black][data-active]');
  assert.equal((await view(id)).cycle_number, 2);
  await page.context().close();
});

test('names become ids, and come back as they were typed', async () => {
  const page = await newPage(browser);
  await page.goto(`${stack.url}/`);
  await page.fill('[name=names]', 'Zoë, Ünal, Zoe');
  await page.click('text=Create the clock');
  await page.waitForSelector('.pane[data-phase]');
  assert.deepEqual(await page.$$eval('.pane .name', (names) => names.map((name) => name.textContent)), [
    'Zoë',
    'Ünal',
    'Zoe',
  ]);
  await page.context().close();
});

test('what the service refuses is said in its words', async () => {
  const page = await newPage(browser);
  await page.goto(`${stack.url}/`);
  await page.fill('[name=names]', ' , ');
  await page.click('text=Create the clock');
  await page.waitForSelector('[role=alert] .notice:has-text("participants")');
  await page.goto(`${stack.url}/#session=nothing-there`);
  await page.waitForSelector('.notice:has-text("There is no such session")');
  await page.context().close();
});

test('warnings change the colour, and are heard only by those who asked for sound', async () => {
  const listens = () => {
    window.tones = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function count(...given) {
      window.tones++;
      return start.apply(this, given);
    };
  };
  const session_id = 'warnings-1';
  await stack.ask('POST', '/v1/sessions', {
    session_id,
    sync_mode: 'per_cycle',
    time_per_cycle_ms: 3000,
    warnings_ms: [2000, 1000],
    participants: [{ participant_id: 'a' }, { participant_id: 'b' }],
    action_on_timeout: { type: 'notify' },
  });
  const pages = [await newPage(browser), await newPage(browser)];
  for (const page of pages) {
    await page.addInitScript(listens);
    await page.goto(`${stack.url}/#session=${session_id}`);
    await page.waitForSelector('.connection[data-status=connected]');
  }
  const [quiet, loud] = pages;
  await loud.keyboard.press('s');
  await loud.waitForSelector('[aria-pressed=true]:has-text("Sound")');
  const asked = await loud.evaluate(() => window.tones);
  await quiet.keyboard.press('Space');
  for (const phase of ['warning', 'critical', 'overtime'])
    await quiet.waitForSelector(`[data-key=a][data-phase=${phase}]`);
  await until('the tones', async () => (await loud.evaluate(() => window.tones)) >= asked + 5);
  assert.equal(await quiet.evaluate(() => window.tones), 0);
  for (const page of pages) await page.context().close();
});

test('a screen reader hears events, each once, and no ticking', async () => {
  const page = await newPage(browser);
  await create(page, 'chess');
  await page.evaluate(() => {
    window.said = [];
    const region = document.getElementById('announcer');
    new MutationObserver(() => region.textContent && window.said.push(region.textContent)).observe(region, {
      childList: true,
    });
  });
  const hears = (text) =>
    until(`to hear "${text}"`, () => page.evaluate((sentence) => window.said.includes(sentence), text));
  await page.keyboard.press('Space');
  await hears('Started: White’s turn');
  await page.waitForSelector('text=4:58');
  await page.keyboard.press('Space');
  await hears('Black’s turn');
  await page.keyboard.press('p');
  await hears('Paused');
  assert.equal((await page.evaluate(() => window.said)).length, 3);
  assert.deepEqual(await page.$$eval('.digits', (nodes) => nodes.map((node) => node.getAttribute('aria-live'))), [
    'off',
    'off',
  ]);
  await page.context().close();
});

test('the page says how it is connected, and how well it knows the time', async () => {
  const page = await newPage(browser);
  await create(page, 'quiz');
  await page.waitForSelector('.connection[data-status=connected]');
  await page.click('.connection summary');
  await until('the figures', async () =>
    (await page.$$eval('.connection dd', (nodes) => nodes.map((node) => node.textContent))).every((text) =>
      /^([+−]\d.*s|± \d.* ms|\d.* ms|\d\d:\d\d:\d\d UTC)$/.test(text),
    ),
  );
  await page.context().close();
});

test('the invitation bears the session’s own link, in words and as a picture', async () => {
  const page = await newPage(browser);
  await create(page, 'auction');
  assert.equal(await page.inputValue('.invite input'), page.url());
  assert.equal(await page.getAttribute('.invite .qr', 'aria-label'), `QR code of ${page.url()}`);
  await page.keyboard.press('i');
  await page.waitForSelector('.invite', { state: 'hidden' });
  await page.context().close();
});

test('all that the demo loads is its own, and below 100 KB', async () => {
  const page = await newPage(browser);
  const network = await page.context().newCDPSession(page);
  const origins = new Set();
  let bytes = 0;
  network.on('Network.requestWillBeSent', ({ request }) => origins.add(new URL(request.url).origin));
  network.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  await network.send('Network.enable');
  await create(page, 'chess');
  await page.waitForSelector('.connection[data-status=connected]');
  console.log(`# ${bytes} bytes over the wire`);
  assert.ok(bytes > 20000 && bytes < LARGEST_BYTES, `${bytes} bytes`);
  assert.deepEqual([...origins], [stack.url]);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('no script but the service’s own runs: the pages have a strict policy', async () => {
  for (const path of ['/', '/admin/', '/sdk/index.js']) {
    const policy = (await fetch(stack.url + path)).headers.get('Content-Security-Policy');
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|\*/);
  }
});

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds no fault in any view, ${colorScheme}`, async () => {
    for (const viewport of [undefined, PHONE]) {
      const page = await newPage(browser, { colorScheme, ...(viewport && { viewport }) });
      await page.goto(`${stack.url}/`);
      await page.waitForSelector('.create');
      await assertAccessible(page, 'home');
      for (const preset of ['chess', 'poker', 'exam']) {
        await create(page, preset);
        await page.waitForSelector('.connection[data-status=connected]');
        await assertAccessible(page, `${preset} pending`);
        await page.keyboard.press('Space');
        await page.waitForSelector('[data-phase=running]');
        await page.click('.connection summary');
        await assertAccessible(page, `${preset} running`);
        await page.keyboard.press('p');
        await page.waitForSelector('[data-phase=paused]');
        await assertAccessible(page, `${preset} paused`);
      }
      await page.context().close();
    }
  });

  test(`axe finds no fault in warnings and at the end, ${colorScheme}`, async () => {
    const session_id = `colours-${colorScheme}`;
    await stack.ask('POST', '/v1/sessions', {
      session_id,
      sync_mode: 'per_participant',
      total_time_ms: 9000,
      warnings_ms: [8000, 4000],
      participants: [{ participant_id: 'a' }, { participant_id: 'b' }],
      action_on_timeout: { type: 'end_session' },
    });
    const page = await newPage(browser, { colorScheme });
    await page.goto(`${stack.url}/#session=${session_id}`);
    await page.waitForSelector('.connection[data-status=connected]');
    await page.keyboard.press('Space');
    for (const phase of ['warning', 'critical', 'expired']) {
      await page.waitForSelector(`[data-key=a][data-phase=${phase}]`);
      await assertAccessible(page, phase);
    }
    await page.context().close();
  });
}
