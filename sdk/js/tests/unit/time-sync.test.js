import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SyncKairosClient } from '../../src/index.js';
import { FakePlatform, answer, settle } from './fake-platform.js';

const HOUR_MS = 3_600_000;

// A client that has synchronised once, and watches nothing.
async function synchronised() {
  const platform = new FakePlatform();
  platform.trueWall = () => platform.wall;
  platform.answer = async () => answer(200, { timestamp_ms: platform.trueWall() });
  const client = new SyncKairosClient('http://api', 'ws://relay/ws', { platform });
  await client.syncServerTime();
  platform.requests.length = 0;
  const shows = async () => { client.getServerTime(); await settle(); return client.getServerTime(); };
  return { platform, client, shows };
}

test('after the device slept the time is right with the second look, whichever of its clocks stood still', async () => {
  for (const monotonic of [true, false]) {
    const { platform, shows } = await synchronised(); // and looks for the first time
    platform.sleep(HOUR_MS, { monotonic });
    assert.equal(await shows(), platform.wall);
    assert.equal(platform.requests.length, monotonic ? 0 : 5);
  }
});

test('a device whose clock is set asks once, and shows the same time as before', async () => {
  const { platform, shows } = await synchronised();
  platform.trueWall = () => platform.wall - 300_000;
  platform.wall += 300_000;
  assert.equal(await shows(), platform.wall - 300_000);
  await platform.advance(10_000);
  await shows();
  assert.equal(platform.requests.length, 5);
});

test('a clock that is slowly corrected is no jump', async () => {
  const { platform, shows } = await synchronised();
  for (let i = 0; i < 20; i++) {
    await platform.advance(1000);
    platform.wall += 900;
    await shows();
  }
  assert.equal(platform.requests.length, 0);
});

test('while it fails, it asks again after a second, quietly', async () => {
  const { platform, client, shows } = await synchronised();
  const errors = [];
  client.on('error', (error) => errors.push(error));
  const fine = platform.answer;
  platform.answer = async () => { throw new TypeError('offline'); };
  platform.sleep(HOUR_MS, { monotonic: false });
  for (let i = 0; i < 20; i++) {
    await shows();
    await platform.advance(100);
  }
  assert.equal(platform.requests.length, 10); // two synchronisations in two seconds
  platform.answer = fine;
  await platform.advance(1000);
  assert.equal(await shows(), platform.wall);
  assert.deepEqual(errors, []);
});

test('one synchronisation at a time; one that the device slept through counts for nothing', async () => {
  const { platform, client, shows } = await synchronised();
  const fine = platform.answer;
  let give;
  platform.answer = () => new Promise((resolve) => {
    const early = answer(200, { timestamp_ms: platform.wall });
    give = () => resolve(early);
  });
  platform.sleep(HOUR_MS, { monotonic: false });
  await shows();
  for (let i = 1; i < 5; i++) {
    await shows();
    assert.equal(platform.requests.length, i);
    give();
    await settle();
  }
  platform.sleep(HOUR_MS, { monotonic: false });
  client.getServerTime();
  give();
  await settle();
  platform.answer = fine;
  client.getServerTime();
  await settle();
  assert.equal(client.getServerTime(), platform.wall);
  assert.equal(platform.requests.length, 10);
});

test('a client that knows no time yet asks for none by itself', async () => {
  const platform = new FakePlatform();
  const client = new SyncKairosClient('http://api', 'ws://relay/ws', { platform });
  client.getServerTime();
  platform.sleep(HOUR_MS, { monotonic: false });
  assert.equal(client.getServerTime(), platform.wall);
  await settle();
  assert.equal(platform.requests.length, 0);
});

test('whoever asks within a second has what is known, unless the device slept', async () => {
  const { platform, client } = await synchronised();
  for (let i = 0; i < 9; i++) {
    await platform.advance(100);
    assert.equal((await client.syncServerTime()).rtt, 0);
  }
  assert.equal(platform.requests.length, 0);
  await platform.advance(100);
  await client.syncServerTime();
  assert.equal(platform.requests.length, 5);
  platform.sleep(HOUR_MS, { monotonic: false });
  await client.syncServerTime();
  assert.equal(platform.requests.length, 10);
  platform.answer = async () => { throw new TypeError('offline'); };
  await platform.advance(1000);
  await assert.rejects(client.syncServerTime());
  await assert.rejects(client.syncServerTime());
  assert.equal(platform.requests.length, 20);
});

test('who only asks how good the time is finds out that the device slept, too', async () => {
  const { platform, client } = await synchronised();
  platform.sleep(HOUR_MS, { monotonic: false });
  client.clock();
  await settle();
  assert.equal(client.clock().offset, 0);
});

test('while it synchronises, looking costs nothing', async (context) => {
  const { platform, client } = await synchronised();
  platform.answer = () => new Promise(() => {});
  platform.sleep(HOUR_MS, { monotonic: false });
  client.getServerTime();
  const handlers = context.mock.method(Promise.prototype, 'catch');
  client.getServerTime();
  assert.equal(handlers.mock.callCount(), 0);
});

test('the error grows as the last sample ages', async () => {
  const { platform, client } = await synchronised();
  const { error } = client.clock();
  await platform.advance(HOUR_MS);
  assert.equal(Math.round(client.clock().error - error), 360);
});
