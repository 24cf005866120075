// What a press on the dashboard does, once and no more: double clicks, held keys, and labels that change under it.

import assert from 'node:assert/strict';
import test from 'node:test';
import { setUp } from './browser.mjs';
import { dashboardOf } from './dashboard.mjs';
import { until } from './stack.mjs';

const ECHO_MS = 300; // as in web/common/press.js

const { stack, browser } = await setUp();
const { create, open, operate, row } = dashboardOf(stack, browser);

const button = (label) => `#detail button:text-is("${label}")`;
const ADD = '#detail [aria-label="black: +1 min"]';

async function openRunning(id) {
  await create(id);
  await operate(id, 'start');
  const page = await open();
  await page.click(row(id));
  await page.waitForSelector(button('Pause'));
  return page;
}

// That the session is paused and gets just this one minute: whatever was pressed before would have come before it.
async function assertPaused(page, id, version) {
  await page.click(ADD);
  await page.waitForSelector('#detail .clock:text-is("6:00")');
  const state = await stack.ask('GET', `/v1/sessions/${id}`);
  assert.deepEqual([state.status, state.version], ['paused', version + 1]);
}

const versionOf = async (id) => (await stack.ask('GET', `/v1/sessions/${id}`)).version;

test('a double click is one press', async () => {
  const page = await openRunning('double-1');
  await page.evaluate(() => {
    window.clicks = [];
    window.addEventListener('click', ({ timeStamp }) => window.clicks.push(timeStamp), true);
  });
  const gapMs = () => page.evaluate(() => window.clicks.at(-1) - window.clicks.at(-2));
  let version;
  await until('a double click as quick as a person makes it', async () => {
    await operate('double-1', 'resume').catch(() => {});
    version = await versionOf('double-1');
    await page.dblclick(button('Pause'), { delay: 60 });
    return (await gapMs()) < ECHO_MS;
  });
  await page.waitForSelector(button('Resume'));
  await assertPaused(page, 'double-1', version + 1);
  await page.context().close();
});

test('a key that is held is one press', async () => {
  const page = await openRunning('held-1');
  const version = await versionOf('held-1');
  const hold = async (selector, done) => {
    await page.focus(selector);
    await page.keyboard.down('Enter');
    await page.waitForSelector(done);
    for (let i = 0; i < 5; i++) await page.keyboard.down('Enter');
    await page.keyboard.up('Enter');
  };
  await hold(button('Pause'), button('Resume'));
  await hold(ADD, '#detail .clock:text-is("6:00")');
  await page.click('#detail [aria-label="black: −1 min"]');
  await page.waitForSelector('#detail .clocks li:has(b:text-is("black")) .clock:text-is("5:00")');
  await assertPaused(page, 'held-1', version + 3);
  await page.context().close();
});

// In the page: presses a button as soon as its label changes.
function pressAtChange(label) {
  const node = [...document.querySelectorAll('#detail button')].find(({ textContent }) => textContent === label);
  new MutationObserver((_, observer) => {
    observer.disconnect();
    node.click();
    window.hasPressed = true;
  }).observe(node, { childList: true });
}

test('a press meant for what the button said before somebody else paused is none', async () => {
  const page = await openRunning('label-1');
  const version = await versionOf('label-1');
  await page.evaluate(pressAtChange, 'Pause');
  await operate('label-1', 'pause');
  await page.waitForFunction(() => window.hasPressed);
  await assertPaused(page, 'label-1', version + 1);
  await page.click(`${button('Resume')}:not([aria-disabled])`);
  await page.waitForSelector(button('Pause'));
  await page.context().close();
});
