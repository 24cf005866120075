// The demo for those who use it by keyboard, by voice or with a screen reader.

import assert from 'node:assert/strict';
import test from 'node:test';
import { PHONE, assertAccessible, newPage, setUp } from './browser.mjs';
import { create, open } from './demo.mjs';
import { until } from './stack.mjs';

const { stack, browser } = await setUp();

const view = (id) => stack.ask('GET', `/v1/sessions/${id}`);
const cycle = (id, number) => until(`cycle ${number}`, async () => (await view(id)).cycle_number === number);

// Keeps what a page's live region says in `window.said`.
const listen = (page) =>
  page.evaluate(() => {
    window.said = [];
    const region = document.getElementById('announcer');
    new MutationObserver(() => region.textContent && window.said.push(region.textContent)).observe(region, {
      childList: true,
    });
  });
const hears = (page, text) =>
  until(`to hear "${text}"`, () => page.evaluate((sentence) => window.said.includes(sentence), text));

const hasFocus = (page, selector) => page.waitForSelector(`${selector}:focus`, { state: 'attached' });
const pressButton = async (page, text) => {
  await page.focus(`button:visible:has-text("${text}")`);
  await page.keyboard.press('Enter');
};

test('a screen reader hears events, each once, and no ticking', async () => {
  const page = await newPage(browser);
  await create(page, stack.url, 'chess');
  await page.waitForFunction(() => document.getElementById('announcer').textContent === 'Connected');
  await listen(page);
  await page.keyboard.press('Space');
  await hears(page, 'Started: White’s turn');
  await page.waitForSelector('text=4:58');
  await page.keyboard.press('Space');
  await hears(page, 'Black’s turn');
  await page.keyboard.press('p');
  await hears(page, 'Paused');
  assert.equal((await page.evaluate(() => window.said)).length, 3);
  assert.deepEqual(await page.$$eval('.digits', (nodes) => nodes.map((node) => node.getAttribute('aria-live'))), [
    'off',
    'off',
  ]);
  await page.context().close();
});

test('an expiry and the turn that it brings are said together', async () => {
  const page = await newPage(browser);
  await stack.ask('POST', '/v1/sessions', {
    session_id: 'expiry-1',
    sync_mode: 'per_cycle',
    time_per_cycle_ms: 1500,
    participants: [{ participant_id: 'ann' }, { participant_id: 'bob' }],
    action_on_timeout: { type: 'skip_cycle' },
  });
  await open(page, stack.url, 'expiry-1');
  await listen(page);
  await page.keyboard.press('Space');
  await hears(page, 'ann: time is up. bob’s turn');
  await page.context().close();
});

test('single keys can be switched off, and stay so', async () => {
  const page = await newPage(browser);
  const id = await create(page, stack.url, 'poker');
  await page.keyboard.press('k');
  await page.waitForSelector('dialog[open] :focus:has-text("Close")');
  await page.keyboard.press('p');
  await page.uncheck('dialog[open] input');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'hidden' });
  for (const reloaded of [false, true]) {
    if (reloaded) await page.reload();
    await page.waitForSelector('button:visible:has-text("Start")');
    assert.equal(await page.isVisible('.controls kbd'), false);
    assert.equal(await page.$$eval('.controls [aria-keyshortcuts]', (nodes) => nodes.length), 0);
    await page.focus('.stage');
    for (const key of ['Space', 'k', 'i', 's']) await page.keyboard.press(key);
    assert.equal(await page.isVisible('dialog'), false);
    assert.equal(await page.isVisible('.invite'), true);
  }
  assert.equal((await view(id)).status, 'pending');
  await pressButton(page, 'Keys');
  await page.check('dialog[open] input');
  await page.click('text=Close');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.control), 'k', 'the focus is not back');
  await page.keyboard.press('i');
  await page.waitForSelector('.invite', { state: 'hidden' });
  await page.context().close();
});

test('a key presses once: the button that has the focus; nothing where it is typed or held with another', async () => {
  const page = await newPage(browser);
  const id = await create(page, stack.url, 'poker');
  await page.focus('.controls button:has-text("Start")');
  await page.keyboard.press('Space');
  await page.waitForSelector('[data-key=ada][data-active]');
  await page.focus('.controls button:has-text("Sound")');
  await page.keyboard.press('Space');
  await page.waitForSelector('[aria-pressed=true]:has-text("Sound")');
  await page.focus('.controls button:has-text("Acted")');
  await page.keyboard.press('Space');
  await cycle(id, 2);
  await page.waitForSelector('[data-key=ben][data-active]');
  await page.keyboard.press('i');
  await page.focus('.invite input');
  for (const key of ['Space', 'p', 'e', 'e']) await page.keyboard.press(key);
  await page.focus('.stage');
  for (const key of ['Shift+Space', 'Shift+P', 'Control+e', 'Alt+p']) await page.keyboard.press(key);
  await page.keyboard.press('Space');
  await cycle(id, 3);
  assert.equal((await view(id)).status, 'running');
  await page.context().close();
});

test('Space on clocks that scroll switches, once, and scrolls nothing', async () => {
  const page = await newPage(browser, { viewport: { width: 390, height: 600 } });
  const names = Array.from({ length: 20 }, (_, i) => `P${i}`).join(',');
  const id = await create(page, stack.url, 'poker', { names });
  await page.click('text=Start');
  await page.waitForSelector('[data-key=p0][data-active]');
  assert.ok(await page.$eval('.stage', (stage) => stage.scrollHeight > stage.clientHeight));
  await page.focus('.stage');
  await page.keyboard.down('Space');
  for (let i = 0; i < 5; i++) await page.keyboard.down('Space'); // held down
  await page.keyboard.up('Space');
  await cycle(id, 2);
  await page.waitForSelector('[data-key=p1][data-active]');
  assert.equal(await page.$eval('.stage', (stage) => stage.scrollTop), 0);
  assert.equal((await view(id)).cycle_number, 2);
  await page.context().close();
});

test('the controls name themselves from the start, also where there is no session', async () => {
  const page = await newPage(browser);
  await page.goto(`${stack.url}/#session=nothing-there`);
  await page.waitForSelector('.notice:visible');
  assert.equal(await page.isVisible('.controls button'), false);
  await assertAccessible(page, 'no session');
  await page.context().close();
});

test('the focus goes with the view, and is not lost with the button that had it', async () => {
  const page = await newPage(browser);
  await page.goto(`${stack.url}/`);
  await page.click('.card:has([value=exam])');
  await pressButton(page, 'Create the clock');
  await page.waitForSelector('.pane[data-phase]');
  await hasFocus(page, 'h1');
  await pressButton(page, 'Start');
  await page.waitForSelector('[data-phase=running]');
  await hasFocus(page, '.stage');
  await pressButton(page, 'Pause');
  await page.waitForSelector('[data-phase=paused]');
  await hasFocus(page, 'button');
  await pressButton(page, 'End');
  await pressButton(page, 'Really end?');
  await page.waitForSelector('[data-phase=ended]');
  await hasFocus(page, '.stage');
  await page.focus('.brand');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.create');
  await hasFocus(page, 'h1');
  await page.context().close();
});

test('the focus is kept where a clock is refused, and where another screen ends the invitation', async () => {
  const page = await newPage(browser);
  await page.goto(`${stack.url}/`);
  await page.fill('[name=names]', ',');
  await pressButton(page, 'Create the clock');
  await page.waitForSelector('.notice:visible');
  await hasFocus(page, '.create button');
  const id = await create(page, stack.url, 'chess');
  await page.waitForSelector('.connection[data-status=connected]');
  await page.focus('.invite .link button');
  await stack.ask('POST', `/v1/sessions/${id}/start`);
  await page.waitForSelector('.invite', { state: 'hidden' });
  await hasFocus(page, '.stage');
  await page.context().close();
});

test('a question is heard, and so is a link that waits to be copied', async () => {
  const page = await newPage(browser);
  await page.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined })); // plain HTTP
  await create(page, stack.url, 'chess');
  await listen(page);
  await page.click('.invite button:has-text("Copy")');
  await hears(page, 'The link is selected, to be copied');
  assert.equal(await page.evaluate(() => getSelection().toString()), page.url());
  await page.click('text=Start');
  await hears(page, 'Started: White’s turn');
  await pressButton(page, 'End');
  await hears(page, 'Really end?');
  await page.context().close();
});

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds no fault in any view, ${colorScheme}`, async () => {
    for (const viewport of [undefined, PHONE]) {
      const page = await newPage(browser, { colorScheme, ...(viewport && { viewport }) });
      await page.goto(`${stack.url}/`);
      await page.waitForSelector('.create');
      await assertAccessible(page, 'home');
      for (const preset of ['chess', 'poker', 'exam']) {
        await create(page, stack.url, preset);
        await page.waitForSelector('.connection[data-status=connected]');
        await assertAccessible(page, `${preset} pending`);
        await page.keyboard.press('Space');
        await page.waitForSelector('[data-phase=running]');
        await page.click('.connection summary');
        await assertAccessible(page, `${preset} running`);
        await page.keyboard.press('p');
        await page.waitForSelector('[data-phase=paused]');
        await assertAccessible(page, `${preset} paused`);
        await page.keyboard.press('k');
        await page.waitForSelector('dialog[open]');
        await assertAccessible(page, `${preset} keys`);
        await page.keyboard.press('Escape');
        await page.context().setOffline(true);
        await page.waitForSelector('.doubt:visible');
        await assertAccessible(page, `${preset} in doubt`);
        await page.context().setOffline(false);
        await page.waitForSelector('.doubt', { state: 'hidden' });
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
    await open(page, stack.url, session_id);
    await page.keyboard.press('Space');
    for (const phase of ['warning', 'critical', 'expired']) {
      await page.waitForSelector(`[data-key=a][data-phase=${phase}]`);
      await assertAccessible(page, phase);
    }
    await page.context().close();
  });
}
