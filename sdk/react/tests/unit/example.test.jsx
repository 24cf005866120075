import './page.js';

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { ChessClock } from '../../examples/chess-clock.jsx';
import { accept, answer, game, happen, mount, newClient, unmountAll } from './stage.js';

afterEach(unmountAll);

const buttons = ({ container }) => [...container.querySelectorAll('button')];
const texts = (page) => buttons(page).map(({ textContent, disabled }) => `${textContent}${disabled ? ' -' : ''}`);

async function newPage(props, state = game()) {
  const client = newClient();
  client.getServerTime = () => 11_000;
  const page = await mount(<ChessClock game="s" client={client} {...props} />);
  assert.equal(page.text, 'Connecting …');
  await accept(client, state);
  return { client, page };
}

test('the chess clock shows both clocks, and who may press', async () => {
  assert.deepEqual(texts((await newPage({})).page), ['a 0:50', 'b 1:00 -', 'Pause']);
  assert.deepEqual(texts((await newPage({ player: 'b' })).page), ['a 0:50 -', 'b 1:00 -', 'Pause']);
  assert.deepEqual(texts((await newPage({}, game({ status: 'paused' }))).page), ['a 0:50 -', 'b 1:00 -', 'Resume']);
  assert.deepEqual(texts((await newPage({}, game({ status: 'pending' }))).page), ['a 0:50 -', 'b 1:00 -', 'Start']);
});

test('a press ends the player\'s cycle', async () => {
  const { client, page } = await newPage({ player: 'a' });
  client.platform.answer = async () => answer(409, { error: { code: 'CONFLICT', message: 'too late' } });
  await happen(() => buttons(page)[0].click());
  assert.equal(client.platform.requests.at(-1).url, 'http://api/v1/sessions/s/switch');
  assert.match(page.text, /too late$/);
});
