// What the demo says when something is wrong: refusals, sessions that go, networks and tokens that end.

import assert from 'node:assert/strict';
import test from 'node:test';
import { PHONE, newPage, setUp } from './browser.mjs';
import { create, open, submit } from './demo.mjs';
import { Proxy, Stack, until } from './stack.mjs';

const { stack, browser } = await setUp();

const view = (id) => stack.ask('GET', `/v1/sessions/${id}`);
const digits = (page) => page.$$eval('.digits', (nodes) => nodes.map((node) => node.textContent).join(' '));
const frames = (page, count) =>
  page.evaluate(
    (left) =>
      new Promise((resolve) => {
        const step = () => (left-- > 0 ? requestAnimationFrame(step) : resolve());
        step();
      }),
    count,
  );

// Closes every WebSocket of the page with a code of the relay's, as often as one is made while `closing` is true.
async function closeWith(page, code, reason = '') {
  const relay = { closing: true, attempts: 0 };
  await page.routeWebSocket(/\/ws/, (socket) => {
    relay.attempts++;
    if (relay.closing) socket.close({ code, reason });
    else socket.connectToServer();
  });
  return relay;
}

test('what the service refuses is said in its words', async () => {
  const page = await newPage(browser);
  await submit(page, stack.url, 'chess', { names: ' , ' });
  await page.waitForSelector('[role=alert] .notice:has-text("participants")');
  await submit(page, stack.url, 'chess', { names: `White, ${'x'.repeat(41)}` });
  await page.waitForSelector('[role=alert] .notice:has-text("A name has at most 40 letters")');
  await page.context().close();
});

for (const [code, text, ways] of [
  [1008, 'refused the connection: too many messages', ['again']],
  [1009, 'more than the service takes', ['again']],
  [4001, 'asks for a token', ['token']],
  [4003, 'does not let this page in', ['again', 'token']],
  [4004, 'There is no such session', ['again']],
  [4009, 'The token has expired', ['token']],
]) {
  test(`closed with ${code}, the page says so, offers what helps, and tries no more by itself`, async () => {
    const page = await newPage(browser);
    const id = await create(page, stack.url, 'quiz');
    const relay = await closeWith(page, code, code === 1008 ? 'too many messages' : '');
    if (code === 4009) await page.addInitScript(() => sessionStorage.setItem('synckairos.token', 'one.of.old'));
    await page.clock.install();
    await page.reload();
    await page.waitForSelector(`[role=alert] .notice:has-text("${text}")`);
    assert.equal(await page.isVisible('text=Try again'), ways.includes('again'));
    assert.equal(await page.isVisible('.sign-in input'), ways.includes('token'));
    await page.waitForSelector('.problem a:has-text("Make another clock")');
    await page.clock.fastForward(60000);
    assert.equal(relay.attempts, 1);
    if (ways.includes('again')) {
      relay.closing = false;
      await page.click('text=Try again');
      await page.waitForSelector('.connection[data-status=connected]');
      await page.waitForSelector('.problem', { state: 'hidden' });
      await page.waitForSelector('.pane[data-phase]');
    }
    assert.equal((await view(id)).status, 'pending');
    await page.context().close();
  });
}

test('an address with an id that cannot be is answered in words', async () => {
  const page = await newPage(browser);
  await page.goto(`${stack.url}/#session=${'y'.repeat(256)}`);
  await page.waitForSelector('.notice:has-text("The service refused the connection: missing or malformed sessionId")');
  assert.equal(await page.isVisible('.controls button'), false);
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('the longest id with the longest names stays within a narrow phone', async () => {
  const page = await newPage(browser, { viewport: { width: 320, height: 640 } });
  const session_id = 'x:'.repeat(32);
  await stack.ask('POST', '/v1/sessions', {
    session_id,
    sync_mode: 'per_cycle',
    time_per_cycle_ms: 30000,
    participants: ['a', 'b', 'c'].map((letter) => ({ participant_id: letter.repeat(64) })),
    action_on_timeout: { type: 'notify' },
    metadata: { title: 'A title without an end '.repeat(40) },
  });
  await open(page, stack.url, session_id);
  await page.click('.connection summary');
  const outside = await page.$$eval('.screen *', (nodes) =>
    nodes
      .filter((node) => node.getClientRects().length && !node.closest('svg'))
      .filter((node) => node.getBoundingClientRect().left < 0 || node.getBoundingClientRect().right > innerWidth)
      .map((node) => node.outerHTML.slice(0, 80)),
  );
  assert.deepEqual(outside, []);
  const hidden = await page.$$eval('.pane', (panes) =>
    panes.filter((pane) => pane.querySelector('.digits').offsetTop + 10 > pane.clientHeight).length,
  );
  assert.equal(hidden, 0, 'a name pushed its clock out of sight');
  await page.context().close();
});

test('a link too long for a QR code is said to be, and is there to copy', async () => {
  const page = await newPage(browser);
  const label = 'a'.repeat(60);
  const host = `${label}.${label}.${label}.localhost`; // names below localhost are this machine
  await create(page, `http://${host}:${stack.port}`, 'chess');
  await page.waitForSelector('.invite .notice:has-text("too long for a QR code")');
  assert.equal(await page.inputValue('.invite input'), page.url());
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('the clocks of a deleted session stand, and nothing can be pressed', async () => {
  const page = await newPage(browser, { viewport: PHONE });
  const id = await create(page, stack.url, 'speedrun');
  await page.keyboard.press('Space');
  await page.waitForSelector('[data-phase=running]');
  await stack.ask('DELETE', `/v1/sessions/${id}`);
  await page.waitForSelector('[role=alert] .notice:has-text("The session was deleted")');
  const stands = await digits(page);
  await frames(page, 30);
  assert.equal(await digits(page), stands);
  assert.equal(await page.isVisible('.controls button'), false);
  await page.keyboard.press('Space');
  await page.click('text=Make another clock');
  await page.waitForSelector('.create');
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test('clocks that the service knows again are shown as such', async () => {
  const page = await newPage(browser);
  let forget;
  await page.routeWebSocket(/\/ws/, (socket) => {
    socket.connectToServer();
    forget = (sessionId) =>
      socket.send(JSON.stringify({ type: 'ERROR', sessionId, code: 'SESSION_NOT_FOUND', message: 'no such session' }));
  });
  const id = await create(page, stack.url, 'chess');
  await page.waitForSelector('.connection[data-status=connected]');
  forget(id);
  await page.waitForSelector('.notice:has-text("The service does not know this session any more")');
  await page.waitForSelector('.connection[data-status=over]');
  await stack.ask('POST', `/v1/sessions/${id}/start`);
  await page.waitForSelector('[data-phase=running]');
  await page.waitForSelector('.connection[data-status=connected]');
  await page.waitForSelector('.problem', { state: 'hidden' });
  await page.click('text=Move made');
  await page.waitForSelector('[data-key=black][data-active]');
  await page.context().close();
});

test('while the relay is away, the page says that its clocks may be wrong, and no longer', async (context) => {
  const proxy = await Proxy.start(stack.port);
  context.after(() => proxy.end());
  const page = await newPage(browser);
  await create(page, proxy.url, 'chess');
  const relay = await closeWith(page, 1001);
  relay.closing = false;
  await page.reload();
  await page.waitForSelector('.pane[data-phase]');
  assert.equal(await page.isVisible('.doubt'), false);
  await page.context().setOffline(true);
  await page.waitForSelector('.doubt:has-text("This device has no network: these clocks may be out of date")');
  await page.waitForSelector('.stage[data-stale]');
  await page.context().setOffline(false);
  await page.waitForSelector('.doubt', { state: 'hidden' });
  relay.closing = true;
  proxy.cut();
  await page.waitForSelector('.doubt:has-text("No connection: these clocks may be out of date")');
  await page.waitForSelector('.connection[data-status=reconnecting]');
  relay.closing = false;
  await page.waitForSelector('.doubt', { state: 'hidden' });
  await page.waitForSelector('.stage:not([data-stale])');
  await page.context().close();
});

test('half a token survives the next complaint and the next state', async () => {
  const page = await newPage(browser);
  const id = await create(page, stack.url, 'chess');
  await page.route('**/v1/sessions/*/start', (route) =>
    route.fulfill({ status: 403, json: { error: { code: 'FORBIDDEN', message: 'not with this token' } } }),
  );
  await page.click('text=Start');
  await page.waitForSelector('.notice:has-text("not with this token")');
  await page.fill('.sign-in input', 'eyJhbGci');
  await page.click('text=Start');
  await stack.ask('POST', `/v1/sessions/${id}/start`);
  await page.waitForSelector('[data-phase=running]');
  await page.click('text=Move made');
  await page.waitForSelector('[data-key=black][data-active]');
  assert.equal(await page.inputValue('.sign-in input'), 'eyJhbGci');
  await page.context().close();
});

test('a token that ends in a game is said to have; a new one goes on, also in a second window', async () => {
  const closed = await Stack.startKeyed();
  const page = await newPage(browser);
  try {
    await submit(page, closed.url, 'chess');
    await page.waitForSelector('.notice');
    await page.fill('.sign-in input', closed.token('admin', { ttlSeconds: 4 }));
    await page.click('text=Use it');
    await page.click('text=Create the clock');
    await page.waitForSelector('.pane[data-phase]');
    await page.click('text=Start');
    await page.waitForSelector('[role=alert] .notice:has-text("The token has expired")');
    await page.waitForSelector('.doubt:has-text("these clocks may be out of date")');
    await page.fill('.sign-in input', closed.token('admin'));
    await page.click('text=Use it');
    await page.waitForSelector('.connection[data-status=connected]');
    await until('the clock to run', async () => (await digits(page)) < '4:59 5:00');
    await page.keyboard.press('i');
    const [second] = await Promise.all([page.waitForEvent('popup'), page.click('text=A second window')]);
    await second.waitForSelector('.connection[data-status=connected]');
    await second.waitForSelector('[data-phase=running]');
  } finally {
    await page.context().close();
    await closed.end();
  }
});
