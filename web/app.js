// The live view: one WebSocket to one session. The screen is calculated on every frame from the last state and the
// server's time; the server sends nothing while a clock runs.

const FINAL = new Set([1000, 1008, 1009, 4001, 4003, 4004]); // close codes after which nobody reconnects
const PING_EVERY_MS = 5000;
const element = (id) => document.getElementById(id);

let socket = null;
let view = null; // the last state
let samples = []; // of the server's clock: {offset, roundTrip}, the newest last
let retries = 0;
let retryTimer = 0;

// --- the server's time: its offset to our monotonic clock, from the quickest of the last pings

const addSample = (sentAt, serverTime, roundTrip) => {
  samples = [...samples.slice(-7), { offset: serverTime - (sentAt + roundTrip / 2), roundTrip }];
};

const serverNow = () => {
  const best = samples.reduce((a, b) => (b.roundTrip <= a.roundTrip ? b : a));
  return performance.now() + best.offset;
};

// --- calculating, from a state and an instant

// What a participant's clock shows: {ms, up}; up: it counts upwards, because nothing limits it.
function reading(participant, now) {
  const { clock } = view;
  const shared = view.sync_mode === 'global' || view.sync_mode === 'count_up';
  const ended = ['expired', 'completed', 'cancelled'].includes(view.status);
  if (view.sync_mode === 'count_up' && clock.time_remaining_ms === null) {
    const ran = clock.running ? Math.max(0, now - clock.started_at_ms) : 0;
    return { ms: view.time_used_ms + ran, up: true };
  }
  const runs = clock.running && clock.deadline_at_ms !== null && !ended;
  if (runs && (shared || participant.is_active || sameGroup(participant))) {
    return { ms: Math.max(0, clock.deadline_at_ms - now), up: false };
  }
  return { ms: participant.time_remaining_ms ?? 0, up: false };
}

const sameGroup = (participant) =>
  view.sync_mode === 'per_group' && view.active_group_id !== null && participant.group_id === view.active_group_id;

// Rounded up where it counts down, so that 0:00.0 means over.
function clockText({ ms, up }) {
  const tenths = up ? Math.floor(ms / 100) : Math.ceil(ms / 100);
  const seconds = Math.floor(tenths / 10);
  const two = (n) => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}.${tenths % 10}`;
}

// --- drawing

function buildClocks() {
  const shown = view.participants.length ? view.participants : [{ participant_id: view.session_id, is_active: true }];
  element('clocks').replaceChildren(...shown.map((participant) => {
    const item = document.createElement('li');
    const parts = ['b', 'time', 'small'].map((tag) => document.createElement(tag));
    parts[0].textContent = participant.participant_id;
    parts[2].textContent = participant.group_id ?? '';
    item.classList.toggle('active', participant.is_active === true);
    item.classList.toggle('expired', participant.has_expired === true);
    item.append(...parts);
    item.participant = participant.clockless ? null : { time_remaining_ms: view.clock.time_remaining_ms, ...participant };
    return item;
  }));
  element('status').textContent = view.status;
  element('facts').textContent = `${view.sync_mode}, cycle ${view.cycle_number}, version ${view.version}`
    + (view.clock.overtime ? ', in overtime' : '');
  element('view').hidden = false;
}

function draw() {
  requestAnimationFrame(draw);
  if (!view || !samples.length) return;
  const now = serverNow();
  for (const item of element('clocks').children) {
    const text = clockText(reading(item.participant, now));
    const time = item.querySelector('time');
    if (time.textContent !== text) time.textContent = text;
  }
}

// --- the connection

function take(message) {
  const { type, payload } = message;
  if (type === 'STATE_SYNC' || (type === 'STATE_UPDATE' && isNewer(payload))) {
    view = payload;
    if (!samples.length) addSample(performance.now(), message.timestamp, 0.5e9); // until the first pong
    buildClocks();
  } else if (type === 'PONG') {
    addSample(message.client_timestamp, message.server_timestamp, performance.now() - message.client_timestamp);
  } else if (type === 'TIME_WARNING') {
    news(`${payload.participant_id ?? 'the clock'}: ${payload.threshold_ms / 1000} s left`);
  } else if (type === 'TIME_EXPIRED') {
    news(`${payload.expired_participant_id ?? 'the clock'} ran out of time`);
  } else if (type === 'SESSION_DELETED') {
    news('the session was deleted');
  } else if (type === 'ERROR') {
    news(message.message);
  }
}
