import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { SyncKairosError, format, phase, timeElapsed, timeLeft } from '../../src/index.js';
import { sessionState } from './fake-platform.js';

const cases = JSON.parse(readFileSync(new URL('../../../../tests/vectors/clock.json', import.meta.url), 'utf8'));

const stateOf = (config, view) => ({ warnings_ms: [10_000, 5000, 1000], ...config, session_id: 's', ...view });

// What every case says of a state at an instant.
function assertShows(where, state, at, view) {
  assert.equal(timeLeft(state, null, at), view.clock.time_remaining_ms, `${where}: the clock`);
  assert.equal(timeElapsed(state, at), view.clock.time_elapsed_ms, `${where}: elapsed`);
  view.participants.forEach((participant) => assert.equal(timeLeft(state, participant.participant_id, at),
    participant.time_remaining_ms, `${where}: ${participant.participant_id}`));
}

// Nothing happened between two steps but that time went by.
const onlyTimePassed = (step, before) => before && step.op === 'view' && step.expect.settled === 0
  && step.expect.view.version === before.expect.view.version;

test('every state of the vectors shows the time left that the vectors say, when it is made', () => {
  let states = 0;
  for (const { name, config, steps } of cases) {
    steps.forEach((step, i) => {
      const state = stateOf(config, step.expect.view);
      assertShows(`${name}, step ${i}`, state, step.at_ms, step.expect.view);
      assertShows(`${name}, step ${i}, as made`, state, undefined, step.expect.view);
      states += 1;
    });
  }
  assert.ok(states > 1000, `${states} states`);
});

test('a state shows what a later one does, while only time passes', () => {
  let pairs = 0;
  for (const { name, config, steps } of cases) {
    steps.forEach((step, i) => {
      if (onlyTimePassed(step, steps[i - 1])) {
        const earlier = stateOf(config, steps[i - 1].expect.view);
        assertShows(`${name}, step ${i} from the one before`, earlier, step.at_ms, step.expect.view);
        pairs += 1;
      }
    });
  }
  assert.ok(pairs > 50, `${pairs} pairs`);
});

test('every state of the vectors is in the phase that its status and clock say', () => {
  const ended = ['ended'];
  const ofStatus = { pending: ['idle'], paused: ['paused'], expired: ended, completed: ended, cancelled: ended };
  const seen = new Set();
  for (const { name, config, steps } of cases) {
    for (const { at_ms: at, expect: { view } } of steps) {
      const found = phase(stateOf(config, view), at);
      const running = view.clock.overtime ? ['overtime'] : ['running', 'warning', 'critical'];
      assert.ok((ofStatus[view.status] ?? running).includes(found), `${name}: ${view.status} is ${found}`);
      seen.add(found);
    }
  }
  assert.deepEqual([...seen].sort(), ['critical', 'ended', 'idle', 'overtime', 'paused', 'running', 'warning']);
});

test('a running clock warns from its largest threshold, and is critical from its smallest', () => {
  const state = sessionState();
  const rows = [[0, 'running'], [1000, 'running'], [50_999, 'running'], [51_000, 'warning'], [59_999, 'warning'],
    [60_000, 'critical'], [61_000, 'critical'], [99_000, 'critical']];
  rows.forEach(([now, expected]) => assert.equal(phase(state, now), expected, `at ${now}`));
  assert.equal(phase(sessionState({ warnings_ms: [] }), 61_000), 'running');
  assert.equal(phase(sessionState({ warnings_ms: [5000] }), 57_000), 'critical');
});

test('neither an early nor a late clock shows more than was there, or less than nothing', () => {
  assert.equal(timeLeft(sessionState(), null, 0), 60_000);
  assert.equal(timeLeft(sessionState(), null, 62_000), 0);
  assert.equal(timeElapsed(sessionState(), 0), 0);
  assert.equal(timeElapsed(sessionState(), 62_000), 60_000);
});

test('a participant who is not there is an error', () => {
  assert.throws(() => timeLeft(sessionState(), 'nobody'),
    (error) => error instanceof SyncKairosError && error.code === 'PARTICIPANT_NOT_FOUND');
});

test('times are written so that zero means over', () => {
  const rows = [[0, '0:00.0'], [1, '0:00.1'], [100, '0:00.1'], [9900, '0:09.9'], [9901, '0:10'], [10_000, '0:10'],
    [10_001, '0:11'], [59_001, '1:00'], [300_000, '5:00'], [3_599_001, '1:00:00'], [3_900_000, '1:05:00'],
    [360_000_000, '100:00:00'], [-1500, '-0:01.5'], [-61_000, '-1:01'], [null, '--:--']];
  rows.forEach(([ms, text]) => assert.equal(format(ms), text, String(ms)));
  assert.throws(() => format(NaN), TypeError);
  assert.throws(() => format(undefined), TypeError);
});
