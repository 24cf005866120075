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

// Samples that the new one contradicts are thrown away: our clock stood still, or theirs was set.
function addSample(offset, roundTrip) {
  const agrees = (old) => Math.abs(old.offset - offset) <= (old.roundTrip + roundTrip) / 2 + 1;
  samples = [...samples.filter(agrees).slice(-7), { offset, roundTrip }];
}

const serverNow = () => performance.now() + samples.reduce((a, b) => (b.roundTrip <= a.roundTrip ? b : a)).offset;

// --- calculating, from a state and an instant

// What a participant's clock shows: {ms, up}; up: it counts upwards, because nothing limits it.
function reading(participant, now) {
  const { clock } = view;
  if (view.sync_mode === 'count_up' && clock.time_remaining_ms === null) {
    const ran = clock.running ? Math.max(0, now - clock.started_at_ms) : 0;
    return { ms: view.time_used_ms + ran, up: true };
  }
  if (clock.running && clock.deadline_at_ms !== null && isRunning(participant)) {
    return { ms: Math.max(0, clock.deadline_at_ms - now), up: false };
  }
  return { ms: participant.time_remaining_ms ?? 0, up: false };
}

// A group runs as one, and so do all in the modes that have one clock.
const isRunning = (participant) => participant.is_active || ['global', 'count_up'].includes(view.sync_mode)
  || (view.active_group_id !== null && participant.group_id === view.active_group_id);

// Rounded up where it counts down, so that 0:00.0 means over.
function clockText({ ms, up }) {
  const tenths = up ? Math.floor(ms / 100) : Math.ceil(ms / 100);
  const two = (n) => String(Math.floor(n)).padStart(2, '0');
  const [hours, minutes] = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60];
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(tenths / 10 % 60)}.${tenths % 10}`;
}

// --- drawing

function buildClocks() {
  const alone = { participant_id: view.session_id, is_active: true, time_remaining_ms: view.clock.time_remaining_ms };
  const shown = view.participants.length ? view.participants : [alone];
  element('clocks').replaceChildren(...shown.map((participant) => {
    const item = document.createElement('li');
    const [name, time, group] = ['b', 'time', 'small'].map((tag) => document.createElement(tag));
    name.textContent = participant.participant_id;
    group.textContent = participant.group_id ?? '';
    item.className = participant.has_expired ? 'expired' : participant.is_active ? 'active' : '';
    item.append(name, time, group);
    return Object.assign(item, { participant });
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
    item.querySelector('time').textContent = clockText(reading(item.participant, now));
  }
}

// --- the connection

function take(message) {
  const { type, payload } = message;
  if (type === 'STATE_SYNC' || (type === 'STATE_UPDATE' && isNewer(payload))) {
    view = payload;
    if (!samples.length) addSample(message.timestamp - performance.now(), 1e9); // until the first pong
    buildClocks();
  } else if (type === 'PONG') {
    const roundTrip = performance.now() - message.client_timestamp;
    addSample(message.server_timestamp - (message.client_timestamp + roundTrip / 2), roundTrip);
  } else if (type === 'TIME_WARNING') {
    news(`${payload.participant_id ?? 'the clock'}: ${payload.threshold_ms / 1000} s left`);
  } else if (type === 'TIME_EXPIRED') {
    news(`${payload.expired_participant_id ?? 'the clock'} ran out of time`);
  } else if (type === 'SESSION_DELETED') {
    news('the session was deleted');
  }
}

const isNewer = (next) => !view || next.updated_at_ms > view.updated_at_ms
  || (next.updated_at_ms === view.updated_at_ms && next.version > view.version);

const news = (text) => { element('news').textContent = text; };
const say = (text) => { element('link').textContent = text; };

const ping = () => {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: 'PING', timestamp: performance.now() }));
};

function connect(sessionId) {
  const url = new URL('/ws', location.href.replace(/^http/, 'ws'));
  url.searchParams.set('sessionId', sessionId);
  const opened = new WebSocket(url);
  socket = opened;
  say(`Connecting to ${sessionId} …`);
  opened.onopen = () => { retries = 0; samples = []; say(`Watching ${sessionId}.`); ping(); setTimeout(ping, 500); };
  opened.onmessage = ({ data }) => { if (socket === opened) take(JSON.parse(data)); };
  opened.onclose = ({ code }) => { if (socket === opened) closed(sessionId, code); };
}

function closed(sessionId, code) {
  if (code === 4004) return say(`There is no session ${sessionId}.`);
  if (FINAL.has(code)) return say(`The connection was closed (${code}).`);
  say(`The connection was lost (${code}); trying again.`);
  retryTimer = setTimeout(connect, Math.random() * Math.min(10000, 500 * 2 ** retries++), sessionId);
}

function watch(sessionId) {
  clearTimeout(retryTimer);
  socket?.close();
  view = null;
  news('');
  element('view').hidden = true;
  connect(sessionId);
}

element('watch').onsubmit = (event) => {
  event.preventDefault();
  location.hash = new URLSearchParams({ session: element('session').value });
  watch(element('session').value);
};
setInterval(ping, PING_EVERY_MS);
document.addEventListener('visibilitychange', ping); // after a sleep our clock may have stood still
requestAnimationFrame(draw);
element('session').value = new URLSearchParams(location.hash.slice(1)).get('session') ?? '';
if (element('session').value) watch(element('session').value);
