import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Tokens } from '../../src/tokens.js';
import { FakePlatform } from './fake-platform.js';

test('blanks around a token are left out', async () => {
  for (const source of ['a.b-c_d', ' a.b-c_d\r\n', () => 'a.b-c_d\n', async () => '\ta.b-c_d ']) {
    assert.equal(await new Tokens(source).current(), 'a.b-c_d');
  }
});

test('without a source there is no token', async () => {
  for (const none of [undefined, null]) {
    const tokens = new Tokens(none);
    assert.equal(await tokens.current(), undefined);
    assert.equal(await tokens.renew(), undefined);
    assert.equal(tokens.renewable, false);
  }
});

test('what cannot be a token is a clear error, which does not tell it', async () => {
  const rows = [['', /empty/], [' \n', /empty/], ['secret one', /characters/], ['secret\none', /characters/],
    ['secret,one', /characters/], ['sécret', /characters/]];
  const strange = [[undefined, /not a string \(undefined\)/], [null, /\(null\)/], [5, /\(number\)/], [{}, /\(object\)/]];
  for (const [token, complaint] of rows) {
    await assert.rejects(new Tokens(token).current(), refusal(complaint));
  }
  for (const [token, complaint] of [...rows, ...strange]) {
    await assert.rejects(new Tokens(async () => token).current(), refusal(complaint));
  }
});

const refusal = (complaint) => (error) => error.name === 'SyncKairosError' && error.code === 'TOKEN_INVALID'
  && complaint.test(error.message) && !error.message.includes('secret');

test('all who ask while token() fails get the same error, and the next asks again', async () => {
  let asked = 0;
  const tokens = new Tokens(async () => { asked += 1; if (asked === 1) { throw new Error('offline'); } return 't'; });
  const outcomes = await Promise.allSettled([tokens.current(), tokens.current()]);
  assert.deepEqual(outcomes.map(({ reason }) => reason?.code), ['TOKEN_UNAVAILABLE', 'TOKEN_UNAVAILABLE']);
  assert.equal(asked, 1);
  assert.equal(await tokens.current(), 't');
});

test('an old failure does not forget a newer token', async () => {
  const ends = [];
  const tokens = new Tokens(() => new Promise((resolve, reject) => ends.push({ resolve, reject })));
  const first = tokens.renew();
  const second = tokens.renew();
  await Promise.resolve();
  ends[1].resolve('newer');
  assert.equal(await second, 'newer');
  ends[0].reject(new Error('late'));
  await assert.rejects(first, { code: 'TOKEN_UNAVAILABLE' });
  assert.equal(await tokens.current(), 'newer');
  assert.equal(ends.length, 2);
});

test('a token() that hangs is a failure after ten seconds', async () => {
  const platform = new FakePlatform();
  let asked = 0;
  const tokens = new Tokens(() => (++asked === 1 ? new Promise(() => {}) : 't'), platform);
  const refused = assert.rejects(tokens.current(), { code: 'TOKEN_UNAVAILABLE', message: /10 s/ });
  await platform.advance(10_000);
  await refused;
  assert.equal(await tokens.current(), 't');
  assert.equal(platform.timers, 0);
});

test('while the next one is asked for, and when that fails, the one before stays', async () => {
  let fail;
  let asked = 0;
  const tokens = new Tokens(() => (++asked === 1 ? 't1' : new Promise((resolve, reject) => { fail = reject; })));
  await tokens.current();
  const next = tokens.renew();
  assert.equal(await tokens.current(), 't1');
  fail(new Error('offline'));
  await assert.rejects(next, { code: 'TOKEN_UNAVAILABLE' });
  assert.equal(await tokens.current(), 't1');
});

test('who was refused a token that is not the current one gets that', async () => {
  let asked = 0;
  const tokens = new Tokens(async () => `t${++asked}`);
  const refused = await tokens.current();
  assert.deepEqual(await Promise.all([tokens.replace(refused), tokens.replace(refused)]), ['t2', 't2']);
  assert.equal(await tokens.replace(refused), 't2');
  assert.equal(await tokens.replace('t2'), 't3');
});
