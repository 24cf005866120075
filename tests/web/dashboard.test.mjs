// The dashboard over a real stack: without keys, and with an admin's token.

import assert from 'node:assert/strict';
import test from 'node:test';
import { PHONE, assertAccessible, newPage, setUp } from './browser.mjs';
import { dashboardOf } from './dashboard.mjs';
import { Stack, until } from './stack.mjs';

const { stack, browser } = await setUp();

const { create, listed, open, operate, row } = dashboardOf(stack, browser);
const view = (id) => stack.ask('GET', `/v1/sessions/${id}`);

test('sessions appear as they are made, with running clocks, and go as they end', async () => {
  await create('list-1');
  const page = await open();
  await page.waitForSelector(row('list-1'));
  await create('list-2');
  await operate('list-2', 'start');
  await page.waitForSelector(row('list-2'), { timeout: 5000 });
  await until('the clock to run', async () => (await page.textContent(`${row('list-2')} .clock`)) < '4:58');
  await operate('list-2', 'complete');
  await page.waitForSelector(row('list-2'), { state: 'detached', timeout: 5000 });
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('filters leave those that match', async () => {
  await create('filter-chess');
  await create('filter-quiz', {
    sync_mode: 'global',
    time_per_cycle_ms: 20000,
    participants: undefined,
    metadata: { title: 'Pub night' },
  });
  await operate('filter-quiz', 'start');
  const page = await open();
  await page.waitForSelector(row('filter-quiz'));
  await page.selectOption('[name=mode]', 'global');
  assert.deepEqual(await listed(page), ['filter-quiz']);
  await page.selectOption('[name=mode]', '');
  await page.fill('[name=text]', 'pub');
  assert.deepEqual(await listed(page), ['filter-quiz']);
  await page.fill('[name=text]', 'filter');
  await page.selectOption('[name=status]', 'pending');
  await until('those pending', async () => String(await listed(page)) === 'filter-chess');
  await page.context().close();
});

test('a session is paused, adjusted, resumed, completed and deleted, the last two once confirmed', async () => {
  await create('deeds-1');
  await operate('deeds-1', 'start');
  const page = await open();
  await page.click(row('deeds-1'));
  const press = (name) => page.click(`#detail button:text-is("${name}")`);
  const becomes = (status) => until(status, async () => (await view('deeds-1')).status === status);
  await press('Pause');
  await becomes('paused');
  await page.click('#detail [aria-label="black: +1 min"]');
  await until('the minute', async () => (await view('deeds-1')).participants[1].total_time_ms === 360000);
  await page.waitForSelector('#detail .clock:text-is("6:00")');
  await press('Resume');
  await becomes('running');
  await press('Complete');
  await page.click('#confirm button:text-is("Keep it")');
  assert.equal((await view('deeds-1')).status, 'running');
  await press('Complete');
  await page.click('#confirm button:text-is("Yes")');
  await becomes('completed');
  await press('Delete');
  await page.click('#confirm button:text-is("Yes")');
  await page.waitForSelector('#detail [role=status]:text-is("deleted")');
  await assert.rejects(view('deeds-1'), /404/);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('the history tells each change, who made it and what it did', async () => {
  await create('history-1');
  await operate('history-1', 'start');
  await operate('history-1', 'switch', { current_participant_id: 'white' });
  await stack.ask('PATCH', '/v1/sessions/history-1/participants/white', {
    delta_ms: 60000,
    reason: 'the hall was evacuated',
  });
  const page = await open();
  await page.fill('#lookup [name=id]', 'history-1');
  await page.click('text=Look up');
  await until('the events', async () => (await page.$$('.timeline > li')).length === 4);
  const text = await page.textContent('.timeline');
  for (const part of [
    'Created',
    'Started',
    'Switched',
    'active participant id: white → black',
    'Time adjusted',
    'the hall was evacuated',
    'by anonymous',
  ]) {
    assert.ok(text.includes(part), `${part} in ${text}`);
  }
  await operate('history-1', 'pause');
  await until('the pause', async () => (await page.$$('.timeline > li')).length === 5);
  await page.context().close();
});

test('the history keeps up with changes that never pause', async (context) => {
  await create('history-2');
  await operate('history-2', 'start');
  const page = await open();
  await page.click(row('history-2'));
  const switches = setInterval(() => operate('history-2', 'switch', {}).catch(() => {}), 300);
  context.after(() => clearInterval(switches));
  await until('ten switches', async () => (await page.$$('.timeline [data-type=cycle_switched]')).length >= 10, 20000);
  await page.context().close();
});

test('figures and latencies are drawn from /metrics', async (context) => {
  await create('figures-1');
  await operate('figures-1', 'start');
  const page = await open();
  const figure = (name) => page.textContent(`#figures div:has(dt:text-is("${name}")) dd`);
  await until('the connections', async () => Number(await figure('WebSocket connections')) >= 1);
  const switches = setInterval(() => operate('figures-1', 'switch', {}).catch(() => {}), 300);
  context.after(() => clearInterval(switches));
  await until(
    'a median',
    async () => /^[\d.]+ ms$/.test(await page.textContent('.chart:has(h3:text-is("Switch")) b')),
    30000,
  );
  await until(
    'a line',
    async () => /L/.test(await page.getAttribute('.chart:has(h3:text-is("Request")) .line-0', 'd')),
    30000,
  );
  await page.context().close();
});

for (const [colorScheme, viewport] of [
  ['light', undefined],
  ['dark', undefined],
  ['light', PHONE],
  ['dark', PHONE],
]) {
  test(`axe finds no fault, ${colorScheme}, ${viewport ? 'phone' : 'desktop'}`, async () => {
    const id = `axe-${colorScheme}-${viewport ? 'phone' : 'desktop'}`;
    await create(id);
    await operate(id, 'start');
    const page = await open({ colorScheme, ...(viewport && { viewport }) });
    await page.click(row(id));
    await page.waitForSelector('.timeline > li');
    await assertAccessible(page, 'a session');
    await page.click('#detail button:text-is("Delete")');
    await assertAccessible(page, 'a question');
    await page.context().close();
  });
}

test('with keys, the token is asked for, and kept by the tab alone', async () => {
  const closed = await Stack.startKeyed();
  try {
    const page = await newPage(browser);
    await page.goto(`${closed.url}/admin/`);
    await page.fill('#sign-in input', 'no token');
    await page.click('text=Use it');
    assert.ok(await page.$('#sign-in input:invalid'));
    await page.fill('#sign-in input', closed.token('sessions:read'));
    await page.click('text=Use it');
    await page.waitForSelector('#problem:not([hidden])');
    await page.waitForSelector('#sign-in');
    await page.fill('#sign-in input', ` ${closed.token('admin')} `);
    await page.click('text=Use it');
    await page.waitForSelector('#liveness[data-status=connected]');
    await page.waitForSelector('#sign-in', { state: 'hidden' });
    assert.equal(await page.evaluate(() => localStorage.length + document.cookie.length), 0);
    await page.goto(`${closed.url}/`);
    await page.click('text=Create the clock');
    await page.waitForSelector('.connection[data-status=connected]');
    await page.goto(`${closed.url}/admin/`);
    await page.click('#sessions button');
    const [screen] = await Promise.all([page.waitForEvent('popup'), page.click('text=On a screen')]);
    await screen.waitForSelector('.connection[data-status=connected]');
    await page.context().close();
  } finally {
    await closed.end();
  }
});

// In the page: as in a browser that is told to store no site data.
function storeNothing() {
  for (const area of ['localStorage', 'sessionStorage']) {
    Object.defineProperty(window, area, {
      get() {
        throw new DOMException('Access is denied for this document.', 'SecurityError');
      },
    });
  }
}

test('a browser that stores no site data shows the list, and says that it cannot keep a token', async () => {
  await create('unstored-1');
  const page = await open({ script: storeNothing });
  await page.waitForSelector(row('unstored-1'));
  assert.deepEqual(page.faults, []);
  await page.context().close();
  const closed = await Stack.startKeyed();
  try {
    const locked = await newPage(browser);
    await locked.addInitScript(storeNothing);
    await locked.goto(`${closed.url}/admin/`);
    await locked.fill('#sign-in input', closed.token('admin'));
    await locked.click('text=Use it');
    await locked.waitForSelector('#sign-in [role=alert]:has-text("allow it to store site data")');
    await locked.context().close();
  } finally {
    await closed.end();
  }
});
