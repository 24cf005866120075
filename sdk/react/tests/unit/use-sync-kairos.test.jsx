import { show } from './page.js';

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { StrictMode, version } from 'react';
import { renderToString } from 'react-dom/server';

import { useSyncKairos } from '../../src/index.js';
import { accept, answer, game, happen, hydrate, last, mount, newClient, open, unmountAll, update } from './stage.js';

const KEYS = ['activeParticipantId', 'completeSession', 'error', 'getAllParticipantTimes', 'getParticipantTime',
  'isConnected', 'pauseSession', 'resumeSession', 'sessionState', 'startSession', 'status', 'switchCycle'];

afterEach(unmountAll);

// A component that keeps what each of its renders got.
function observer() {
  const seen = [];
  function Clock({ session = 's', client, player }) {
    const clock = useSyncKairos(session, client, player);
    seen.push(clock);
    return `${clock.isConnected} ${clock.status} ${clock.activeParticipantId} ${clock.error?.code}`;
  }
  return { Clock, seen, last: () => seen.at(-1) };
}

async function playing({ player, state = game() } = {}) {
  const client = newClient();
  const seen = observer();
  const page = await mount(<seen.Clock client={client} player={player} />);
  await accept(client, state);
  return { client, page, ...seen };
}

const bodyOf = ({ init }) => JSON.parse(init.body);

test('the tests run with the React that they are meant for', () => {
  assert.equal(version.split('.')[0], process.env.REACT);
});

test('it gives what the session is, and nothing more', async () => {
  const { client, page, last: clock } = await playing();
  assert.equal(page.text, 'true running a undefined');
  assert.deepEqual(Object.keys(clock()).sort(), KEYS);
  assert.deepEqual(clock().sessionState, game());
  await update(client, game({ version: 3, status: 'paused' }));
  assert.equal(page.text, 'true paused a undefined');
});

test('times are those of the instant given, else of the server now', async () => {
  const { client, last: clock } = await playing({ player: 'b' });
  const { getParticipantTime, getAllParticipantTimes } = clock();
  assert.deepEqual(getAllParticipantTimes(11_000), { a: 50_000, b: 60_000 });
  assert.deepEqual([getParticipantTime('a', 11_000), getParticipantTime(null, 11_000)], [50_000, 60_000]);
  assert.equal(getParticipantTime('nobody', 11_000), null);
  client.getServerTime = () => 21_000;
  assert.deepEqual([getParticipantTime('a'), getAllParticipantTimes().a], [40_000, 40_000]);
  const spectator = await playing();
  assert.equal(spectator.last().getParticipantTime(undefined, 11_000), 50_000);
});

test('components in two roots share one connection, until the last is gone', async () => {
  const client = newClient();
  const [one, other] = [observer(), observer()];
  const pages = [await mount(<one.Clock client={client} />), await mount(<other.Clock client={client} />)];
  await accept(client);
  assert.deepEqual(pages.map(({ text }) => text), Array(2).fill('true running a undefined'));
  assert.equal(client.sockets.length, 1);
  await pages[0].unmount();
  assert.equal(client.status, 'connected');
  await pages[1].unmount();
  assert.deepEqual([client.status, open(client).length, client.platform.timers], ['disconnected', 0, 0]);
});

test('Strict Mode opens one connection, and leaves none', async () => {
  const client = newClient();
  const { Clock } = observer();
  const page = await mount(<StrictMode><Clock client={client} /></StrictMode>);
  assert.deepEqual([client.asked, client.sockets.length], [['s'], 1]);
  await accept(client);
  assert.equal(page.text, 'true running a undefined');
  await page.unmount();
  const { platform, handlers } = client;
  assert.deepEqual([open(client).length, platform.timers, platform.online.size, handlers], [0, 0, 0, 0]);
});

test('a component that takes the place of another keeps the connection', async () => {
  const { client, page, Clock } = await playing();
  await page.render(<Clock key="another" client={client} />);
  assert.equal(page.text, 'true running a undefined');
  assert.equal(client.sockets.length, 1);
});

test('functions stay the same while the session changes', async () => {
  const { client, seen, last: clock } = await playing();
  const before = clock();
  await update(client, game({ version: 3, active_participant_id: 'b' }));
  assert.equal(clock().activeParticipantId, 'b');
  assert.notEqual(seen.length, 1);
  KEYS.filter((key) => typeof before[key] === 'function').forEach((key) => assert.equal(clock()[key], before[key], key));
});

test('nothing is drawn anew where nothing on the screen changes', async () => {
  const { client, page, seen, Clock } = await playing();
  client.platform.answer = async () => answer(200, { data: game() });
  const later = game();
  later.clock.time_remaining_ms = 12_345;
  later.participants[0].time_remaining_ms = 12_345;
  const say = (frame) => happen(() => last(client).say(frame));
  const rows = {
    'the same update': () => update(client, game()),
    'the same state, made at a later instant': () => say({ type: 'STATE_SYNC', payload: later }),
    'a PONG': () => say({ type: 'PONG', client_timestamp: client.platform.wall, server_timestamp: client.platform.wall }),
    'another session': () => say({ type: 'STATE_SYNC', payload: game({ session_id: 'other', version: 9 }) }),
    'a warning': () => say({ type: 'TIME_WARNING', payload: { level: 'low' } }),
    'a change that changes nothing': () => happen(() => seen[0].completeSession()),
    'the page hidden and shown': () => happen(() => { show(false); show(true); }),
  };
  for (const [name, happens] of Object.entries(rows)) {
    const before = seen.length;
    await happens();
    assert.equal(seen.length, before, name);
    await page.render(<Clock client={client} />);
    assert.deepEqual(seen.at(-1).sessionState, game(), name);
  }
});

test('while it is lost, each attempt to have it back draws nothing', async () => {
  const { client, seen, page } = await playing();
  await happen(() => last(client).end(1006));
  assert.equal(page.text, 'false running a undefined');
  const drawn = seen.length;
  await happen(() => client.platform.advance(2000));
  await happen(() => last(client).end(1006));
  assert.equal(client.sockets.length, 2);
  assert.equal(seen.length, drawn);
});

test('an expiry that is shown before it is committed is drawn, though the version is the same', async () => {
  const { client, page } = await playing();
  await happen(() => last(client).say({ type: 'STATE_SYNC', payload: game({ status: 'expired' }) }));
  assert.equal(page.text, 'true expired a undefined');
});

test('without a session there is no connection; another session or client replaces the one before', async () => {
  const [client, second] = [newClient(), newClient()];
  const { Clock, last: clock } = observer();
  const page = await mount(<Clock session={null} client={client} />);
  assert.equal(page.text, 'false null null undefined');
  assert.deepEqual([client.sockets.length, clock().getParticipantTime(), clock().getAllParticipantTimes()], [0, null, {}]);
  await assert.rejects(clock().startSession(), { name: 'SyncKairosError', code: 'NO_SESSION' });
  await page.render(<Clock client={client} />);
  await accept(client);
  assert.equal(page.text, 'true running a undefined');
  await page.render(<Clock session="t" client={client} />);
  assert.equal(page.text, 'false null null undefined');
  assert.deepEqual(open(client).map(({ url }) => url), ['ws://relay/ws?sessionId=t']);
  await page.render(<Clock session="t" client={second} />);
  assert.deepEqual([open(client).length, open(second).length, client.status], [0, 1, 'disconnected']);
  await accept(second, game({ session_id: 't' }));
  await page.render(<Clock session={null} client={second} />);
  assert.deepEqual([page.text, open(second).length], ['false null null undefined', 0]);
});

test('a change without a session is refused where it is shown, and nobody need wait for it', async () => {
  const unhandled = [];
  const listen = (fault) => unhandled.push(fault.code);
  process.on('unhandledRejection', listen);
  const client = newClient();
  const { Clock, last: clock } = observer();
  const page = await mount(<StrictMode><Clock session={null} client={client} /></StrictMode>);
  await happen(() => { clock().startSession(); });
  assert.equal(page.text, 'false null null NO_SESSION');
  await new Promise((resolve) => { setImmediate(resolve); });
  process.off('unhandledRejection', listen);
  assert.deepEqual(unhandled, []);
  await page.render(<StrictMode><Clock client={client} /></StrictMode>);
  assert.equal(page.text, 'false null null undefined');
});

test('of two sessions with one client the later is watched; the other says so, and comes back', async () => {
  const { client, page, Clock } = await playing();
  const other = await mount(<Clock session="t" client={client} />);
  await accept(client, game({ session_id: 't', status: 'paused' }));
  assert.deepEqual([page.text, other.text], ['false null null SESSION_REPLACED', 'true paused a undefined']);
  await other.unmount();
  await accept(client);
  assert.equal(page.text, 'true running a undefined');
  assert.equal(open(client).length, 1);
});

test('when the latest is gone, the one that came last before it has its turn', async () => {
  const { client, page, Clock } = await playing();
  const other = await mount(<Clock session="t" client={client} />);
  const again = await mount(<Clock client={client} />);
  const latest = await mount(<Clock session="u" client={client} />);
  await latest.unmount();
  await accept(client);
  assert.deepEqual([page, other, again].map(({ text }) => text), ['true running a undefined',
    'false null null SESSION_REPLACED', 'true running a undefined']);
});

test('a session that is replaced before it is connected says so, too', async () => {
  const client = newClient();
  const { Clock } = observer();
  const page = await mount(<Clock client={client} />);
  await mount(<Clock session="t" client={client} />);
  assert.equal(page.text, 'false null null SESSION_REPLACED');
});

test('a press says whose cycle it ends', async () => {
  const rows = [
    [undefined, [], { current_participant_id: 'a', current_cycle_number: 1 }],
    ['b', [], { current_participant_id: 'b' }],
    ['a', ['b'], { current_participant_id: 'a', current_cycle_number: 1, next_participant_id: 'b' }],
    ['a', [{ type: 'click' }], { current_participant_id: 'a', current_cycle_number: 1 }],
  ];
  for (const [player, given, body] of rows) {
    const { client, last: clock } = await playing({ player });
    client.platform.answer = async () => answer(200, { data: game({ version: 3, active_participant_id: 'b' }) });
    await happen(() => clock().switchCycle(...given));
    assert.deepEqual(client.platform.requests.map(bodyOf), [body]);
    assert.equal(clock().activeParticipantId, 'b');
  }
});

test('each change is a request of its own', async () => {
  const { client, last: clock } = await playing();
  client.platform.answer = async () => answer(200, { data: game() });
  for (const name of ['start', 'pause', 'resume', 'complete']) {
    await happen(() => clock()[`${name}Session`]());
    assert.equal(client.platform.requests.at(-1).url, `http://api/v1/sessions/s/${name}`);
  }
});

test('a refusal is shown, and thrown to whoever waits for it, until the next change', async () => {
  const { client, page, last: clock } = await playing();
  client.platform.answer = async () => answer(409, { error: { code: 'NOT_ACTIVE_PARTICIPANT', message: 'b plays' } });
  await happen(() => { clock().switchCycle(); }); // as a handler: an unhandled rejection would end this test
  assert.equal(page.text, 'true running a NOT_ACTIVE_PARTICIPANT');
  await happen(() => assert.rejects(clock().switchCycle(), { name: 'SyncKairosError', status: 409 }));
  client.platform.answer = async () => answer(200, { data: game() });
  await happen(() => clock().pauseSession());
  assert.equal(page.text, 'true running a undefined');
});

test('a connection that is refused is an error, and may be tried again', async () => {
  const { client, page } = await playing();
  await happen(() => last(client).end(4003));
  assert.equal(page.text, 'false running a FORBIDDEN');
  await happen(() => client.connectWebSocket('s'));
  await accept(client, game({ version: 3, status: 'paused' }));
  assert.equal(page.text, 'true paused a undefined');
});

test('what the server complains of is shown', async () => {
  const { client, page } = await playing();
  await happen(() => last(client).say({ type: 'ERROR', code: 'UNKNOWN_TYPE', message: 'what?' }));
  assert.equal(page.text, 'true running a UNKNOWN_TYPE');
});

test('a deleted session is gone', async () => {
  const { client, page } = await playing();
  await happen(() => last(client).say({ type: 'SESSION_DELETED', sessionId: 's' }));
  await happen(() => last(client).end(1000));
  assert.equal(page.text, 'false null null SESSION_NOT_FOUND');
});

test('a session that the server does not know any more is gone, however that is heard', async () => {
  const rows = {
    'of the connection': ({ client }) => last(client).end(4004),
    'through the connection': ({ client }) => last(client)
      .say({ type: 'ERROR', code: 'SESSION_NOT_FOUND', message: '' }),
    'of a change': ({ client, last: clock }) => {
      client.platform.answer = async () => answer(404, { error: { code: 'SESSION_NOT_FOUND', message: '' } });
      clock().pauseSession();
    },
  };
  for (const [name, happens] of Object.entries(rows)) {
    const playground = await playing();
    await happen(() => happens(playground));
    assert.match(playground.page.text, /^(true|false) null null SESSION_NOT_FOUND$/, name);
  }
});

test('a handler may take the page away', async () => {
  const { client, page } = await playing();
  client.on('stateUpdate', () => page.root.unmount());
  await update(client, game({ version: 3 }));
  assert.deepEqual([page.text, client.status, client.platform.timers, client.handlers], ['', 'disconnected', 0, 1]);
});

test('what a server rendered goes on in a browser', async () => {
  const client = newClient();
  const { Clock } = observer();
  const complaints = [];
  const page = await hydrate(<Clock client={client} />, (error) => complaints.push(error));
  assert.equal(page.text, 'false null null undefined');
  await accept(client);
  assert.deepEqual([page.text, complaints], ['true running a undefined', []]);
});

test('a session that is no text is refused: its states would never be known', () => {
  const { Clock } = observer();
  assert.throws(() => renderToString(<Clock session={5} client={newClient()} />), /useSyncKairos: .* not 5/);
});

test('a server renders a page without a connection', () => {
  const client = newClient();
  const { Clock } = observer();
  assert.equal(renderToString(<Clock client={client} />), 'false null null undefined');
  assert.equal(client.sockets.length, 0);
  assert.throws(() => renderToString(<Clock client={{}} />), /not a SyncKairosClient/);
});
