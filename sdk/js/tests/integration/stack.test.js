import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';

import WebSocket from 'ws';

import { SyncKairosClient, timeLeft } from '../../src/index.js';
import { Proxy } from './proxy.js';
import { Stack, pause, until } from './stack.js';

const AGREE_MS = 50;
const RIGHT_AGAIN_MS = 3000;
const SECRET = 'a secret of at least thirty-two bytes, for tests';

let stack;
before(async () => { stack = await Stack.start(); });

// What a test opened is closed whatever became of it: clients, relays, wires.
const open = [];
afterEach(() => Promise.all(open.splice(0).map((close) => close())));
after(() => stack?.stop());

async function wireTo(port) {
  const proxy = await Proxy.before(port);
  open.push(() => proxy.close());
  return proxy;
}

async function newRelay(env, port) {
  const relay = await stack.startRelay(env, port);
  open.push(() => relay.stop('SIGKILL'));
  return relay;
}

function newClient({ api = stack.url, ws = stack.ws, ...options } = {}) {
  const client = new SyncKairosClient(api, ws, { WebSocket, ...options });
  open.push(() => client.disconnect());
  return client;
}

// A client that watches; `seen` are the states, `events` the names of what it told.
async function watcher(sessionId, options) {
  const client = newClient(options);
  const seen = [];
  const events = [];
  ['connected', 'disconnected', 'reconnecting', 'connectionFailed', 'sessionDeleted', 'timeExpired', 'timeWarning',
    'timeSynced', 'error'].forEach((name) => client.on(name, (payload) => events.push({ name, payload })));
  client.connectWebSocket(sessionId, (state) => seen.push(state));
  const told = (name) => events.filter((event) => event.name === name).map(({ payload }) => payload);
  return { client, seen, events, told, last: () => seen.at(-1) };
}

const GAME = {
  sync_mode: 'per_participant', total_time_ms: 300_000,
  participants: [{ participant_id: 'a' }, { participant_id: 'b' }],
};

async function started(more = {}) {
  const client = newClient();
  const { session_id: id } = await client.createSession({ ...GAME, ...more });
  await client.startSession(id);
  return { client, id };
}

const shown = ({ client, last }) => timeLeft(last(), null, client.getServerTime());

test('a session lives its whole life through the client', async () => {
  const client = newClient();
  const created = await client.createSession({ ...GAME, session_id: randomUUID() });
  const id = created.session_id;
  assert.equal(created.status, 'pending');
  assert.equal((await client.addParticipant(id, { participant_id: 'c' })).participants.length, 3);
  assert.equal((await client.startSession(id)).active_participant_id, 'a');
  assert.equal((await client.switchCycle(id)).active_participant_id, 'b');
  assert.equal((await client.switchCycle(id, 'b', 'a')).active_participant_id, 'a');
  assert.equal((await client.pauseSession(id)).status, 'paused');
  const adjusted = await client.adjustTime(id, 'c', { total_time_ms: 7000, reason: 'a bonus' });
  assert.equal(adjusted.participants[2].total_time_ms, 7000);
  assert.equal((await client.resumeSession(id)).status, 'running');
  assert.equal((await client.getSession(id)).status, 'running');
  assert.equal((await client.completeSession(id)).status, 'completed');
  await client.deleteSession(id);
  await assert.rejects(client.getSession(id), { code: 'SESSION_NOT_FOUND', status: 404 });
  const other = await client.createSession(GAME);
  assert.equal((await client.cancelSession(other.session_id)).status, 'cancelled');
});

test('a refusal says what is wrong', async () => {
  const client = newClient();
  await assert.rejects(client.createSession({ sync_mode: 'per_participant', increment_ms: 'x' }), (error) => {
    assert.equal(error.code, 'VALIDATION_ERROR');
    assert.ok(error.details.some(({ field }) => field === 'increment_ms'));
    return Boolean(error.requestId);
  });
});

test('of two who press at once, one switches', async () => {
  const { id } = await started();
  const [one, two] = [await watcher(id), await watcher(id)];
  await until('both know the state', () => one.last() && two.last());
  const outcomes = await Promise.allSettled([one.client.switchCycle(id), two.client.switchCycle(id)]);
  const refused = outcomes.filter(({ status }) => status === 'rejected');
  assert.equal(refused.length, 1);
  assert.equal(refused[0].reason.code, 'NOT_ACTIVE_PARTICIPANT');
  await until('both see it', () => one.last().cycle_number === 2 && two.last().cycle_number === 2);
});

test('a switch that comes late ends no later cycle of the same participant', async () => {
  for (const named of [undefined, 'a']) {
    const { id, client } = await started();
    const proxy = await wireTo(stack.port);
    const slow = await watcher(id, { api: `http://127.0.0.1:${proxy.port}` });
    await until('it knows the state', () => slow.last());
    proxy.hold();
    const late = slow.client.switchCycle(id, named);
    late.catch(() => {}); // it is looked at below
    await until('the request is on its way', () => proxy.holds);
    await client.switchCycle(id, 'a');
    const { version } = await client.switchCycle(id, 'b');
    proxy.release();
    await assert.rejects(late, { code: 'CONFLICT', status: 409 });
    const after = await client.getSession(id);
    assert.deepEqual([after.version, after.cycle_number, after.active_participant_id], [version, 3, 'a']);
  }
});

test('a change whose answer is lost on the way is made once', async () => {
  const proxy = await wireTo(stack.port);
  const { id } = await started();
  const client = newClient({ api: `http://127.0.0.1:${proxy.port}` });
  for (let cycle = 1; cycle <= 5; cycle++) {
    const { active_participant_id: active } = await client.getSession(id);
    proxy.answersToLose = 2;
    const after = await client.switchCycle(id, active);
    assert.equal(proxy.answersToLose, 0);
    assert.equal(after.cycle_number, cycle + 1);
    assert.equal(after.active_participant_id, active === 'a' ? 'b' : 'a');
  }
  proxy.answersToLose = 1;
  const created = await client.createSession(GAME);
  assert.equal(created.version, 1);
});

test('two clients agree while they switch and pause, though a device is five minutes wrong', async () => {
  const { id, client } = await started();
  const platform = { wallClock: () => Date.now() + 300_000 };
  const skews = [];
  const watchers = [await watcher(id), await watcher(id, { platform })];
  watchers[1].client.on('clockSkewDetected', ({ skewMs }) => skews.push(skewMs));
  await until('both are synchronised', () => watchers.every(({ told, last }) => told('timeSynced').length && last()));
  assert.ok(Math.abs(skews[0] + 300_000) < 1000, `skew ${skews[0]}`);
  for (const act of ['switchCycle', 'pauseSession', 'resumeSession', 'switchCycle']) {
    const { version } = await client[act](id);
    await until(`both see ${act}`, () => watchers.every(({ last }) => last().version === version));
    const [one, two] = watchers.map(shown);
    assert.ok(Math.abs(one - two) <= AGREE_MS, `${one} and ${two}`);
    const truth = (await client.getSession(id)).clock.time_remaining_ms;
    assert.ok(Math.abs(shown(watchers[0]) - truth) <= AGREE_MS, `${shown(watchers[0])}, in truth ${truth}`);
  }
});

test('warnings and expiries are told', async () => {
  const { id } = await started({ total_time_ms: 1200, warnings_ms: [400], action_on_timeout: { type: 'end_session' } });
  const { last, told } = await watcher(id);
  await until('it has expired', () => last()?.status === 'expired');
  assert.deepEqual(told('timeWarning').map(({ level }) => level), ['critical']);
  assert.deepEqual(told('timeExpired').map(({ expired_participant_id: who }) => who), ['a']);
});

test('a deleted session is told, and not asked for again', async () => {
  const { id, client } = await started();
  const watching = await watcher(id);
  await until('it watches', () => watching.last());
  await client.deleteSession(id);
  await until('it is told', () => watching.told('disconnected').length);
  assert.deepEqual(watching.told('sessionDeleted'), [{ sessionId: id }]);
  const [{ code, willReconnect }] = watching.told('disconnected');
  assert.deepEqual({ code, willReconnect }, { code: 1000, willReconnect: false });
  assert.equal(watching.client.status, 'disconnected');
});

test('a session that is not there is a failure', async () => {
  const { told } = await watcher('no-such-session');
  await until('it is refused', () => told('connectionFailed').length);
  assert.equal(told('connectionFailed')[0].code, 'SESSION_NOT_FOUND');
});

test('after a restart of the relay the state is right within three seconds', async () => {
  const relay = await newRelay();
  const { id, client } = await started();
  const watching = await watcher(id, { ws: relay.ws });
  await until('it watches', () => watching.last());
  await relay.stop('SIGKILL');
  const { version } = await client.switchCycle(id, 'a');
  await until('it notices', () => watching.told('disconnected').length);
  await newRelay({}, relay.port);
  await until('it is right again', () => watching.last().version === version, RIGHT_AGAIN_MS);
  assert.equal(watching.client.status, 'connected');
});

test('after a long outage of the relay, too, also on a page that was opened meanwhile', async () => {
  const relay = await newRelay();
  const { id, client } = await started();
  const patient = { ws: relay.ws, maxAttempts: Infinity, maxDelayMs: 2000 };
  const watchers = [await watcher(id, patient)];
  await until('it watches', () => watchers[0].last());
  await relay.stop('SIGKILL');
  watchers.push(await watcher(id, patient));
  const { version } = await client.switchCycle(id, 'a');
  await until('both have tried in vain', () => watchers.every(({ told }) => told('reconnecting').length >= 4));
  await newRelay({}, relay.port);
  await until('both are right again', () => watchers.every(({ last }) => last()?.version === version), RIGHT_AGAIN_MS);
});

test('a client that watches nothing is right again after its device slept', async () => {
  let sleepsSince = null;
  let slept = 0;
  const now = () => (sleepsSince ?? performance.now()) - slept;
  const [sleeper, other] = [newClient({ platform: { now } }), newClient()];
  await Promise.all([sleeper.syncServerTime(), other.syncServerTime()]);
  const behind = () => other.getServerTime() - sleeper.getServerTime();
  assert.ok(Math.abs(behind()) <= AGREE_MS, `${behind()} ms behind`);
  sleepsSince = performance.now();
  await until('two seconds have gone by', () => performance.now() - sleepsSince >= 2000);
  slept = performance.now() - sleepsSince;
  sleepsSince = null;
  await until('it is right again', () => Math.abs(behind()) <= AGREE_MS, RIGHT_AGAIN_MS);
});

test('a silent relay is left, and the time and state come back with the wire', { timeout: 60_000 }, async () => {
  const proxy = await wireTo(stack.port);
  const { id, client } = await started();
  const watching = await watcher(id, { ws: `ws://127.0.0.1:${proxy.port}/ws` });
  await until('it watches', () => watching.last());
  proxy.dead = true;
  const { version } = await client.switchCycle(id, 'a');
  const lost = await until('it is left', () => watching.told('disconnected')[0]);
  assert.equal(lost.reason, 'the server is silent');
  proxy.dead = false;
  await until('it is right again', () => watching.last().version === version, RIGHT_AGAIN_MS);
});

test('after a restart of Redis the state is right within three seconds', async () => {
  const { id, client } = await started();
  const watching = await watcher(id);
  await until('it watches', () => watching.last());
  await stack.redis.stop();
  await until('the API knows', async () => (await fetch(`${stack.url}/ready`)).status === 503);
  const switched = client.switchCycle(id, 'a');
  await pause(300); // so that it is refused at least once
  await stack.startRedis();
  assert.equal((await switched).cycle_number, 2);
  await until('it is right again', () => watching.last().cycle_number === 2, RIGHT_AGAIN_MS);
});

test('so it is on a page that was opened while Redis was away', async () => {
  const { id } = await started();
  await stack.redis.stop();
  const watching = await watcher(id, { maxAttempts: Infinity, maxDelayMs: 2000 });
  await until('the relay asks for patience, twice', () => watching.told('reconnecting').length >= 2);
  await stack.startRedis();
  await until('it is right', () => watching.last()?.cycle_number === 1, RIGHT_AGAIN_MS);
});

const part = (value) => Buffer.from(value).toString('base64url');

function tokenFor(seconds) {
  const claims = { sub: 'sdk', scope: 'sessions:read', exp: Math.floor(Date.now() / 1000) + seconds };
  const text = `${part('{"alg":"HS256","typ":"JWT"}')}.${part(JSON.stringify(claims))}`;
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`;
}

test('a connection outlives its token, where there is another', async () => {
  const relay = await newRelay({ JWT_SECRET: SECRET });
  const { id } = await started();
  let asked = 0;
  const token = async () => { asked += 1; return tokenFor(asked === 1 ? 2 : 3600); };
  const watching = await watcher(id, { ws: relay.ws, token });
  const fixed = await watcher(id, { ws: relay.ws, token: tokenFor(2) });
  await until('both watch', () => watching.last() && fixed.last());
  await until('both tokens expire',
    () => watching.told('disconnected').length && fixed.told('connectionFailed').length);
  assert.equal(watching.told('disconnected')[0].code, 4009);
  assert.equal(fixed.told('connectionFailed')[0].code, 'TOKEN_EXPIRED');
  await until('it is back', () => watching.client.status === 'connected');
  assert.equal(asked, 2);
  const none = await watcher(id, { ws: relay.ws });
  await until('nobody comes in without', () => none.told('connectionFailed').length);
  assert.equal(none.told('connectionFailed')[0].code, 'UNAUTHORIZED');
});
