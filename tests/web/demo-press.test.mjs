// What counts as a press in the demo, and of what: keys that are held, Space after a click, two people at once.

import assert from 'node:assert/strict';
import test from 'node:test';
import { PHONE, newPage, setUp } from './browser.mjs';
import { create, open } from './demo.mjs';
import { until } from './stack.mjs';

const { stack, browser } = await setUp();

const view = (id) => stack.ask('GET', `/v1/sessions/${id}`);
const control = (text) => `.controls button:visible:has-text("${text}")`;
const active = (key) => `[data-key=${key}][data-active]`;

// Counts the operations that a page asks for, by name, in `window.asked`.
function countOperations() {
  const { fetch } = window;
  window.asked = {};
  window.fetch = (url, init) => {
    const name = String(url).split('/').at(-1);
    window.asked[name] = (window.asked[name] ?? 0) + 1;
    return fetch(url, init);
  };
}
const asked = (page, name) => page.evaluate((key) => window.asked[key] ?? 0, name);

async function newGame(options) {
  const page = await newPage(browser, options);
  await page.addInitScript(countOperations);
  const id = await create(page, stack.url, 'chess');
  return { page, id };
}

async function start(page) {
  await page.click(control('Start'));
  await page.waitForSelector(`${active('white')}[data-phase=running]`);
}

for (const key of ['Enter', 'Space']) {
  test(`${key} held down on a button presses it once`, async () => {
    const { page, id } = await newGame();
    const hold = async (text, shown) => {
      await page.focus(control(text));
      await page.keyboard.down(key);
      for (let i = 0; i < 5; i++) await page.keyboard.down(key);
      if (key === 'Enter') await page.waitForSelector(shown); // Space presses when it is let go
      for (let i = 0; i < 5; i++) await page.keyboard.down(key);
      await page.keyboard.up(key);
      await page.waitForSelector(shown);
    };
    await hold('Start', active('white'));
    await page.waitForSelector(control('Move made'));
    await hold('Move made', active('black'));
    await hold('End', 'text=Really end?');
    await page.keyboard.press('p');
    await page.waitForSelector('[data-phase=paused]');
    const { status, cycle_number: cycle } = await view(id);
    assert.deepEqual({ status, cycle }, { status: 'paused', cycle: 2 });
    await page.context().close();
  });
}

test('Space after a click plays on, and is no second click', async () => {
  const { page, id } = await newGame();
  await start(page);
  await page.click(control('End'));
  await page.waitForSelector('text=Really end?');
  await page.keyboard.press('Space');
  await page.waitForSelector(active('black'));
  await page.click(control('Sound'));
  await page.waitForSelector('[aria-pressed=true]:has-text("Sound")');
  await page.keyboard.press('Space');
  await page.waitForSelector(active('white'));
  await page.waitForSelector('[aria-pressed=true]:has-text("Sound")');
  await page.click('.connection summary');
  await page.keyboard.press('Space');
  await page.waitForSelector(active('black'));
  assert.equal(await page.isVisible('.connection dl'), true);
  assert.equal((await view(id)).status, 'running');
  await page.context().close();
});

test('a click asks whether to end, and a second one ends', async () => {
  const { page, id } = await newGame();
  await start(page);
  await page.click(control('End'));
  await page.click(control('Really end?'));
  await until('the end', async () => (await view(id)).status === 'completed');
  await page.context().close();
});

// In the page: presses as soon as it is told of a change, as a hand does that was on its way.
function pressWhenTold(key) {
  window.told = false;
  const main = document.querySelector('.controls .primary');
  new MutationObserver((_, observer) => {
    observer.disconnect();
    window.told = true;
    main.click();
    document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  }).observe(main, { childList: true, subtree: true, characterData: true });
}

test('a press meant for what somebody else has just done does not do the next thing', async () => {
  const { page: one, id } = await newGame();
  const other = await newPage(browser);
  await other.addInitScript(countOperations);
  await open(other, stack.url, id);
  const told = () => other.waitForFunction(() => window.told);
  const takesPresses = () => other.waitForSelector('.controls:not(:has([aria-disabled]))');
  for (const [text, key] of [
    ['Start', ' '],
    ['Pause', 'p'],
    ['Resume', ' '],
  ]) {
    await other.evaluate(pressWhenTold, key);
    await one.click(control(text));
    await told();
    for (const name of ['start', 'switch', 'pause', 'resume'])
      assert.equal(await asked(other, name), 0, `${name} after ${text}`);
    await takesPresses();
  }
  await other.keyboard.press('Space');
  await other.waitForSelector(active('black'));
  assert.equal((await view(id)).cycle_number, 2);
  for (const page of [one, other]) await page.context().close();
});

test('the page that starts a game may go on at once', async () => {
  const { page, id } = await newGame();
  await page.keyboard.press('Space');
  await page.waitForSelector(active('white'));
  assert.equal(await page.getAttribute(control('Move made'), 'aria-disabled'), null);
  await page.keyboard.press('Space');
  await until('the second move', async () => (await view(id)).cycle_number === 2);
  await page.context().close();
});

test('nothing slides under the finger that pauses', async () => {
  const { page } = await newGame({ viewport: PHONE, hasTouch: true, isMobile: true });
  await start(page);
  const placeOf = async (text) => page.locator(control(text)).boundingBox();
  const before = [await placeOf('Pause'), await placeOf('End')];
  await page.tap(control('Pause'));
  await page.waitForSelector('[data-phase=paused]');
  assert.deepEqual([await placeOf('Pause'), await placeOf('End')], before);
  assert.equal(await page.getAttribute(control('Pause'), 'aria-pressed'), 'true');
  await page.tap(control('Resume'));
  await page.waitForSelector('[data-phase=running]');
  assert.deepEqual([await placeOf('Pause'), await placeOf('End')], before);
  await page.context().close();
});
