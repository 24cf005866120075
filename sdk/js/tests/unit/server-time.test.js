import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ServerTime, median, sampleOf, skewLevel } from '../../src/server-time.js';
import { FakePlatform } from './fake-platform.js';

const SERVER = 1_790_000_300_000;

// A sample of a server that is `ahead` of our monotonic clock.
const sample = (platform, ahead, rtt = 10) => ({ offset: ahead, rtt, at: platform.mono });

function synced(ahead = SERVER) {
  const platform = new FakePlatform();
  const time = new ServerTime(platform);
  time.add(sample(platform, ahead));
  return { platform, time };
}

const shows = (time, platform) => time.now() - platform.mono;

test('a sample is at the middle of its round trip', () => {
  assert.deepEqual(sampleOf(100, 180, 5000), { offset: 5000.5 - 140, rtt: 80, at: 180 });
});

test('the median leaves out what took more than half a second', () => {
  const of = (...pairs) => median(pairs.map(([offset, rtt]) => ({ offset, rtt, at: 0 })));
  assert.equal(of([10, 5], [900, 501], [20, 500], [12, 7], [-800, 3]).offset, 11);
  assert.equal(of([10, 5], [30, 9], [20, 8]).offset, 20);
  assert.equal(of([10, 5], [20, 9]).rtt, 9);
  assert.equal(of([10, 501]), null);
  assert.equal(of(), null);
});

test('before the first sample the device is believed', () => {
  const platform = new FakePlatform();
  const time = new ServerTime(platform);
  assert.equal(time.now(), platform.wall);
  assert.deepEqual(time.reading(), { offset: 0, error: null, rtt: null });
});

test('the first sample is taken as it is, however far off the device was, ahead or behind', () => {
  for (const ahead of [SERVER, SERVER - 3_600_000]) {
    const platform = new FakePlatform();
    const time = new ServerTime(platform);
    time.now();
    time.add(sample(platform, ahead));
    assert.equal(shows(time, platform), ahead);
  }
});

test('the device\'s clock may be set: the time goes on', () => {
  const { platform, time } = synced();
  platform.wall += 300_000;
  assert.equal(shows(time, platform), SERVER);
});

test('a small correction comes at 1 % of the time that passes, both ways', async () => {
  for (const sign of [1, -1]) {
    const { platform, time } = synced();
    time.replace(sample(platform, SERVER + 100 * sign));
    assert.equal(shows(time, platform), SERVER);
    await platform.advance(5000);
    assert.equal(shows(time, platform), SERVER + 50 * sign);
    await platform.advance(5000);
    assert.equal(shows(time, platform), SERVER + 100 * sign);
    await platform.advance(60_000);
    assert.equal(shows(time, platform), SERVER + 100 * sign);
  }
});

test('what is more than 200 ms off is set at once', () => {
  const { platform, time } = synced();
  time.replace(sample(platform, SERVER + 200));
  assert.equal(shows(time, platform), SERVER);
  time.replace(sample(platform, SERVER + 201));
  assert.equal(shows(time, platform), SERVER + 201);
});

test('set back by up to a second, it stands still until it is right; by more, it goes back', async () => {
  const { platform, time } = synced();
  const before = time.now();
  time.replace(sample(platform, SERVER - 900));
  assert.equal(time.now(), before);
  await platform.advance(899);
  assert.equal(time.now(), before);
  await platform.advance(11);
  assert.equal(shows(time, platform), SERVER - 900);
  time.replace(sample(platform, SERVER - 300_000));
  assert.equal(shows(time, platform), SERVER - 300_000);
});

test('whatever the samples within a second of each other, it never goes back', async () => {
  const { platform, time } = synced();
  let seed = 7;
  const random = () => { seed = (seed * 48_271) % 2_147_483_647; return seed / 2_147_483_647; };
  for (let i = 0, last = time.now(); i < 20_000; i++) {
    if (random() < 0.05) {
      time.add(sample(platform, SERVER + (random() - 0.5) * 990, random() * 600));
    }
    await platform.advance(random() * 20);
    const now = time.now();
    assert.ok(now >= last, `${last}, then ${now}`);
    last = now;
  }
});

test('of the samples that agree the best is believed, until one is as good as that has become', async () => {
  const { platform, time } = synced();
  time.add(sample(platform, SERVER + 40, 100));
  await platform.advance(1);
  assert.equal(time.reading().rtt, 10);
  await platform.advance(60_000);
  time.add(sample(platform, SERVER + 40, 100));
  assert.equal(time.reading().rtt, 10);
  time.add(sample(platform, SERVER + 5, 22)); // after a minute 12 ms are as good as 6 were
  assert.equal(time.reading().rtt, 22);
});

test('a page that stood still for some seconds does not take what it hears first for better than what it knew', async () => {
  const { platform, time } = synced();
  await platform.advance(120_000);
  time.add(sampleOf(platform.mono - 9000, platform.mono, SERVER + platform.mono - 9000)); // its answer was there at once
  assert.equal(shows(time, platform), SERVER);
  assert.equal(time.reading().error, 5.5 + 12);
});

test('a sample that contradicts the others replaces them', () => {
  const { platform, time } = synced();
  time.add(sample(platform, SERVER + 60_000, 100));
  assert.equal(shows(time, platform), SERVER + 60_000);
});

test('a synchronisation counts for more than all that was known before', () => {
  const { platform, time } = synced();
  time.replace(sample(platform, SERVER + 5, 40));
  assert.equal(time.reading().rtt, 40);
});

test('the reading says how wrong it may be, the part not yet made up for included', () => {
  const { platform, time } = synced();
  assert.deepEqual(time.reading(), { offset: SERVER + platform.mono - platform.wall, error: 5.5, rtt: 10 });
  time.replace(sample(platform, SERVER + 100, 20));
  assert.deepEqual(time.reading(), { offset: SERVER + platform.mono - platform.wall, error: 110.5, rtt: 20 });
});

test('while it stands still, the reading says how far ahead it is', async () => {
  const { platform, time } = synced();
  time.now();
  time.replace(sample(platform, SERVER - 900, 20));
  for (const [passed, error] of [[0, 910.5], [400, 510.54], [500, 10.59], [100, 10.6]]) { // 100 ppm more with its age
    await platform.advance(passed);
    assert.equal(time.reading().error.toFixed(2), error.toFixed(2));
  }
});

test('a device is skewed from a minute on, and badly from an hour on', () => {
  const rows = [[0, 'none'], [60_000, 'none'], [60_001, 'detected'], [-60_001, 'detected'], [3_600_000, 'detected'],
    [3_600_001, 'error'], [-3_600_001, 'error']];
  rows.forEach(([skew, level]) => assert.equal(skewLevel(skew, 'none'), level, String(skew)));
});

test('it is no longer so when it is well below that', () => {
  const rows = [[59_000, 'detected', 'detected'], [-59_000, 'detected', 'detected'], [54_999, 'detected', 'none'],
    [3_599_000, 'error', 'error'], [3_594_999, 'error', 'detected'], [3_600_001, 'detected', 'error'], [0, 'error', 'none']];
  rows.forEach(([skew, before, level]) => assert.equal(skewLevel(skew, before), level, `${before}, then ${skew}`));
});
