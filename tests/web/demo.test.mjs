// The demo as people use it: every preset, by mouse, by keyboard, on a phone, enlarged; its sound and its size.

import assert from 'node:assert/strict';
import test from 'node:test';
import { PHONE, newPage, setUp } from './browser.mjs';
import { create, open } from './demo.mjs';
import { until } from './stack.mjs';

const LARGEST_BYTES = 100 * 1024;
const PRESETS = ['chess', 'poker', 'quiz', 'auction', 'exam', 'meeting', 'teams', 'speedrun'];

const { stack, browser } = await setUp();

const view = (id) => stack.ask('GET', `/v1/sessions/${id}`);
const becomes = (id, status) => until(`${id} to be ${status}`, async () => (await view(id)).status === status);

for (const preset of PRESETS) {
  test(`${preset}: created, started, switched, paused and ended by keyboard`, async () => {
    const page = await newPage(browser);
    const id = await create(page, stack.url, preset);
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
  const id = await create(page, stack.url, 'chess');
  await page.tap('text=Start');
  await page.waitForSelector('[data-key=white][data-active]');
  await page.tap('[data-key=black]');
  await page.tap('[data-key=white]');
  await page.waitForSelector('[data-key=black][data-active]');
  assert.equal((await view(id)).cycle_number, 2);
  await page.context().close();
});

test('a double click ends one cycle, also where the answer comes between its halves', async () => {
  const page = await newPage(browser);
  await page.addInitScript(() => {
    const { fetch } = window;
    window.switches = 0;
    window.fetch = (url, init) => {
      window.switches += Number(url.endsWith('/switch'));
      return fetch(url, init);
    };
  });
  const id = await create(page, stack.url, 'poker');
  await page.click('text=Start');
  await page.waitForSelector('[data-key=ada][data-active]');
  for (const [where, next, switches] of [
    ['text=Acted', 'ben', 1],
    ['.pane[data-active]', 'cleo', 2],
  ]) {
    const { x, y, width, height } = await page.locator(where).boundingBox();
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.mouse.down({ clickCount: 1 });
    await page.mouse.up({ clickCount: 1 });
    await page.waitForSelector(`[data-key=${next}][data-active]`);
    await page.mouse.down({ clickCount: 2 });
    await page.mouse.up({ clickCount: 2 });
    assert.equal(await page.evaluate(() => window.switches), switches);
  }
  assert.equal((await view(id)).cycle_number, 3);
  await page.context().close();
});

test('names become ids, and come back as they were typed', async () => {
  const page = await newPage(browser);
  await create(page, stack.url, 'chess', { names: 'Zoë, Ünal, Zoe' });
  assert.deepEqual(await page.$$eval('.pane .name', (names) => names.map((name) => name.textContent)), [
    'Zoë',
    'Ünal',
    'Zoe',
  ]);
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
    await open(page, stack.url, session_id);
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

test('the page says how it is connected, and how well it knows the time', async () => {
  const page = await newPage(browser);
  await create(page, stack.url, 'quiz');
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
  await create(page, stack.url, 'auction');
  assert.equal(await page.inputValue('.invite input'), page.url());
  assert.equal(await page.getAttribute('.invite .qr', 'aria-label'), `QR code of ${page.url()}`);
  await page.keyboard.press('i');
  await page.waitForSelector('.invite', { state: 'hidden' });
  await page.context().close();
});

// The texts of those parts that lie over others, or outside of the page. Many clocks are one part, which scrolls.
function misplaced() {
  const clocks = '.stage[data-layout=many], .stage:not([data-layout=many]) .pane';
  const parts = document.querySelectorAll(`.brand, .connection, .title, ${clocks}, .invite, .controls button`);
  const boxes = [...parts]
    .filter((part) => part.checkVisibility())
    .map((part) => ({ text: part.textContent, box: part.getBoundingClientRect() }));
  const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const wrong = boxes.filter(
    ({ box }, i) => box.left < 0 || box.right > innerWidth || boxes.some((other, k) => k !== i && over(box, other.box)),
  );
  return wrong.map(({ text }) => text);
}

for (const viewport of [
  { width: 320, height: 256 }, // 1280 x 1024 at 400 %
  { width: 256, height: 320 },
  { width: 667, height: 375 },
]) {
  test(`clocks and buttons are within reach at ${viewport.width} x ${viewport.height}`, async () => {
    for (const preset of ['chess', 'exam', 'poker']) {
      const page = await newPage(browser, { viewport });
      await create(page, stack.url, preset);
      await page.waitForSelector('.connection[data-status=connected]');
      assert.deepEqual(await page.evaluate(misplaced), [], `${preset} pending`);
      await page.click('text=Start');
      await page.waitForSelector('[data-phase=running]');
      await page.waitForSelector('.invite', { state: 'hidden' });
      assert.deepEqual(await page.evaluate(misplaced), [], `${preset} running`);
      const clock = page.locator('[data-phase=running] .digits');
      await clock.scrollIntoViewIfNeeded();
      const { y, height } = await clock.boundingBox();
      assert.ok(height >= 20 && y >= 0 && y + height <= viewport.height, `${preset}: ${height} px high at ${y}`);
      await page.context().close();
    }
  });
}

test('a notch covers neither clocks nor buttons', async () => {
  const page = await newPage(browser, { viewport: { width: 844, height: 390 } });
  const device = await page.context().newCDPSession(page);
  const insets = { top: 20, left: 47, right: 47, bottom: 21 };
  await device.send('Emulation.setSafeAreaInsetsOverride', { insets });
  for (const preset of [null, 'chess']) {
    if (preset) await create(page, stack.url, preset);
    else await page.goto(`${stack.url}/`);
    const boxes = await page.$$eval('.bar > *, .home, .foot, .pane, .controls button', (nodes) =>
      nodes.filter((node) => node.checkVisibility()).map((node) => node.getBoundingClientRect().toJSON()),
    );
    assert.ok(boxes.length > 2);
    for (const { left, right, top } of boxes) assert.ok(left >= 47 && right <= 844 - 47 && top >= 20);
    const last = await page.evaluate(() => document.documentElement.scrollHeight);
    if (preset) assert.ok(last === 390 && boxes.every(({ bottom }) => bottom <= 390 - 21));
  }
  await page.context().close();
});

test('all that the demo loads is its own, and below 100 KB', async () => {
  const page = await newPage(browser);
  const network = await page.context().newCDPSession(page);
  const origins = new Set();
  const bytes = { sent: 0, plain: 0 };
  network.on('Network.requestWillBeSent', ({ request }) => origins.add(new URL(request.url).origin));
  network.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes.sent += encodedDataLength;
  });
  network.on('Network.dataReceived', ({ dataLength }) => {
    bytes.plain += dataLength;
  });
  await network.send('Network.enable');
  await create(page, stack.url, 'chess');
  await page.waitForSelector('.connection[data-status=connected]');
  console.log(`# ${bytes.sent} bytes over the wire, with headers; the bodies without compression are ${bytes.plain}`);
  assert.ok(bytes.sent > 20000 && bytes.sent < LARGEST_BYTES, `${bytes.sent} bytes`);
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
