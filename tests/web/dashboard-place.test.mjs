// The dashboard keeps its place, and to the truth: focus, late answers, odd names, deleted sessions, many sessions.

import assert from 'node:assert/strict';
import test from 'node:test';
import { newPage, setUp } from './browser.mjs';
import { dashboardOf } from './dashboard.mjs';
import { Stack } from './stack.mjs';

const { stack, browser } = await setUp();
const { create, listed, open, operate, row } = dashboardOf(stack, browser);

test('whoever works by keyboard keeps the place while the session and the list change', async () => {
  await create('keys-1');
  const page = await open();
  const focused = (wanted) => page.waitForFunction((text) => document.activeElement.textContent === text, wanted);
  await page.focus(row('keys-1'));
  await create('keys-2');
  await page.waitForSelector(row('keys-2'));
  assert.equal(await page.evaluate(() => document.activeElement.querySelector('b')?.textContent), 'keys-1');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#detail button:text-is("Start")');
  await page.focus('#detail button:text-is("Start")');
  for (const next of ['Pause', 'Resume', 'Pause']) {
    await page.keyboard.press('Enter');
    await focused(next);
  }
  await page.focus('#detail [aria-label="black: +1 min"]');
  await operate('keys-1', 'switch', { current_participant_id: 'white' });
  await page.waitForSelector('#detail li[data-active]:has(b:text-is("black"))');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'black: +1 min');
  await page.focus('#detail button:text-is("Complete")');
  await page.keyboard.press('Enter');
  await focused('Keep it');
  await page.keyboard.press('Escape');
  await focused('Complete');
  await operate('keys-1', 'complete');
  await page.waitForFunction(() => document.activeElement.id === 'detail');
  await page.context().close();
});

// Keeps back the answer to the next reading of the list, which is made at once: `asked` resolves when it has been made,
// `release` lets it through and resolves when the page has it.
async function keepBack(page) {
  let takeAsked;
  let letThrough;
  let takeArrived;
  const asked = new Promise((resolve) => {
    takeAsked = resolve;
  });
  const released = new Promise((resolve) => {
    letThrough = resolve;
  });
  const arrived = new Promise((resolve) => {
    takeArrived = resolve;
  });
  const pattern = /\/v1\/sessions\?/;
  await page.route(
    pattern,
    async (route) => {
      const response = await route.fetch();
      takeAsked();
      await released;
      await route.fulfill({ response });
      takeArrived();
    },
    { times: 1 },
  );
  return {
    asked,
    release: () => {
      letThrough();
      return arrived;
    },
  };
}

test('an old answer does not take the place of a newer one', async () => {
  await create('late-pending');
  await create('late-running');
  await operate('late-running', 'start');
  const page = await open();
  await page.waitForSelector(row('late-running'));
  const late = await keepBack(page);
  await create('late-news');
  await late.asked;
  await page.selectOption('[name=status]', 'pending');
  await page.waitForSelector(row('late-running'), { state: 'detached' });
  await watchList(page);
  await late.release();
  await create('late-newest');
  await page.waitForSelector(row('late-newest'));
  assert.ok(!(await seen(page)).some((text) => text.includes('late-running')));
  await page.context().close();
});

// In the page: keeps every text that the list has from now on.
const watchList = (page) =>
  page.evaluate(() => {
    const list = document.querySelector('#sessions');
    window.seen = [];
    new MutationObserver(() => window.seen.push(list.innerText)).observe(list, { subtree: true, childList: true });
  });
const seen = (page) => page.evaluate(() => window.seen);

test('the list does not go back behind what the chosen session has told', async () => {
  await create('told-1');
  const page = await open();
  await page.click(row('told-1'));
  await page.fill('[name=text]', 'told-');
  await page.waitForSelector('#detail button:text-is("Start")');
  const late = await keepBack(page);
  await create('told-2');
  await late.asked;
  await operate('told-1', 'start');
  await page.waitForSelector(`${row('told-1')}:has-text("running")`);
  await watchList(page);
  await late.release();
  await page.waitForSelector(row('told-2'));
  assert.ok(!(await seen(page)).some((text) => /told-1\s[^\n]*pending/.test(text)));
  await page.context().close();
});

test('names and titles are texts, whatever they hold', async () => {
  const html = '<img src=x onerror="document.title=1">';
  await create('odd-1', {
    participants: [{ participant_id: 'constructor' }, { participant_id: 'black' }, { participant_id: 'red' }],
    metadata: { title: html.repeat(40), names: { black: html.repeat(40), red: { not: 'a name' } } },
  });
  const page = await open();
  await page.click(row('odd-1'));
  await page.waitForSelector('#detail .clocks li');
  assert.deepEqual(await page.$$eval('#detail .clocks b', (nodes) => nodes.map((node) => node.textContent)), [
    'constructor',
    html.repeat(40),
    'red',
  ]);
  await page.waitForSelector('.timeline > li');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('a session that others delete says so, and goes from the list', async () => {
  await create('deleted-1');
  const page = await open();
  await page.click(row('deleted-1'));
  await page.waitForSelector('#detail .clocks li');
  await page.focus('#detail [aria-label="black: +1 min"]');
  await stack.ask('DELETE', '/v1/sessions/deleted-1');
  await page.waitForSelector('#detail [role=status]:text-is("deleted")');
  assert.equal(await page.$('#detail .clocks li, #detail .row > button:visible'), null);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'detail');
  await page.waitForSelector(row('deleted-1'), { state: 'detached' });
  await page.context().close();
});

// What the relay sends when it comes back from a loss, and neither store knows the session.
const UNKNOWN = JSON.stringify({ type: 'ERROR', code: 'SESSION_NOT_FOUND', message: 'no such session' });

test('a session that the service knows no more goes, and comes back when its id is used again', async () => {
  await create('lost-1');
  const page = await newPage(browser);
  let relay;
  await page.routeWebSocket(/\/ws/, (socket) => {
    socket.connectToServer();
    relay = socket;
  });
  await page.goto(`${stack.url}/admin/`);
  await page.click(row('lost-1'));
  await page.waitForSelector('#detail .clocks li');
  relay.send(UNKNOWN);
  await page.waitForSelector('#detail [role=status]:has-text("does not know this session")');
  assert.equal(await page.$('#detail .clocks li, #detail .row > button:visible'), null);
  await operate('lost-1', 'start');
  await page.waitForSelector('#detail[data-connection=connected] button:text-is("Pause")');
  await page.waitForSelector('#detail .clocks li');
  await page.context().close();
});

test('a screen reader hears what was asked for: no ticking clock, no count at each reading', async () => {
  await create('spoken-1', { metadata: { title: 'Spoken' } });
  await operate('spoken-1', 'start');
  const page = await open();
  const name = 'spoken-1 Spoken · per_participant · running · white';
  await page.getByRole('button', { name, exact: true }).waitFor();
  await create('spoken-2');
  await page.waitForSelector(row('spoken-2'));
  assert.equal(await page.locator('[role=status]:text-matches("^\\\\d+ of")').count(), 0);
  await page.fill('[name=text]', 'spoken-');
  await page.waitForSelector('[role=status]:text-matches("^2 of")');
  await page.selectOption('[name=status]', 'pending');
  await page.waitForSelector('[role=status]:text-matches("^1 of")');
  await create('spoken-3');
  await page.waitForSelector(row('spoken-3'));
  assert.equal(await page.locator('[role=status]:text-matches("^\\\\d+ of")').count(), 0);
  await page.context().close();
});

test('more than one page is shown on request, and a thousand sessions are', async () => {
  const ids = Array.from({ length: 1000 }, (_, i) => `many-${i}`);
  const own = await Stack.start();
  try {
    for (let i = 0; i < ids.length; i += 50)
      await Promise.all(
        ids.slice(i, i + 50).map((session_id) =>
          own.ask('POST', '/v1/sessions', { session_id, sync_mode: 'count_up' }),
        ),
      );
    const page = await newPage(browser);
    await page.goto(`${own.url}/admin/`);
    for (const count of [200, 400, 600, 800]) {
      await page.waitForSelector(`#count:text-is("${count} of the first ${count}")`);
      await page.click('text=Show more');
    }
    await page.waitForSelector('#count:text-is("1000 of 1000")');
    await page.waitForSelector('#more', { state: 'hidden' });
    assert.equal((await listed(page)).length, 1000);
    const frameMs = await page.evaluate(
      () =>
        new Promise((resolve) => {
          const times = [];
          const step = (now) => (times.push(now) > 60 ? resolve((now - times[0]) / 60) : requestAnimationFrame(step));
          requestAnimationFrame(step);
        }),
    );
    // A figure to read, not a limit: it tells more of the machine than of the page.
    console.log(`# 1,000 clocks: ${frameMs.toFixed(1)} ms a frame`);
    assert.deepEqual(page.faults, []);
    await page.context().close();
  } finally {
    await own.end();
  }
});
