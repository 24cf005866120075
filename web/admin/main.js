// The dashboard: the list, one session of it, the figures, and the feed that says when to look again.

import { mark, reveal, write } from '../common/dom.js';
import { ignoreHeldKeys } from '../common/press.js';
import { explain, isTokenMissing, newClient, setToken, token } from '../common/service.js';
import { signInForm } from '../common/sign-in.js';
import { Detail } from './detail.js';
import { listen } from './feed.js';
import { Figures } from './figures.js';
import { Schedule } from './schedule.js';
import { Sessions } from './sessions.js';

// All of these for one page of the list; for more of them the list is read less often.
const REFRESH_MS = 10000; // what the feed does not tell: switches, adjustments
const SOON_MS = 2500; // at most so often because of the feed
const RETRY_MS = 2000;
const JITTER_MS = 300; // so that all who lost one server do not ask at once

const SYNC_MS = 60000;
const SIDE_BY_SIDE = matchMedia('(min-width: 60.01rem)'); // as in admin.css

const byId = (id) => document.getElementById(id);
const client = newClient();
let detail = null;

const list = new Schedule(refresh);
const sessions = new Sessions(
  {
    list: byId('sessions'),
    count: byId('count'),
    counted: byId('counted'),
    more: byId('more'),
    filters: byId('filters'),
  },
  { choose, reload: () => list.now() },
);

function choose(sessionId) {
  detail?.close();
  detail = new Detail(byId('detail'), client, sessionId, (state) => sessions.update(state));
  sessions.chosen(sessionId);
  byId('detail').focus({ preventScroll: SIDE_BY_SIDE.matches });
}

// --- the list, again and again

async function refresh(isLatest) {
  synchronise();
  try {
    await sessions.load(isLatest);
    if (isLatest()) complain(null);
    return REFRESH_MS * sessions.pages;
  } catch (error) {
    if (isLatest()) complain(error);
    if (error.status === 429) return error.retryAfterMs ?? REFRESH_MS;
    return isTokenMissing(error) ? REFRESH_MS : RETRY_MS * sessions.pages * (1 - Math.random() / 4);
  }
}

// Something may have been missed, and what is on its way may have been asked of a connection that is dead.
const readAnew = () => setTimeout(() => list.now(), Math.random() * JITTER_MS);

let synchronisedAt = -Infinity;

// In vain it leaves the time as it was known, and is tried again with the next reading of the list.
async function synchronise() {
  if (performance.now() - synchronisedAt < SYNC_MS) return;
  const reading = await client.syncServerTime().catch(() => null);
  if (reading) synchronisedAt = performance.now();
  reveal(byId('time'), client.clock().error === null, byId('detail'));
}

function complain(error) {
  reveal(byId('problem'), error !== null, byId('detail'));
  write(byId('problem'), error ? explain(error) : '');
  askForToken('list', error !== null && isTokenMissing(error));
}

// --- the token

const wanted = new Set(); // by whom

function askForToken(by, isMissing) {
  if (isMissing) wanted.add(by);
  else wanted.delete(by);
  reveal(byId('sign-in'), wanted.size > 0, byId('detail'));
}

// --- the feed

function live(status, text) {
  write(byId('liveness'), text);
  mark(byId('liveness'), 'data-status', status);
}

listen({
  connected: () => {
    live('connected', 'Live');
    readAnew();
  },
  lost: () => live('lost', 'Not live: the feed is lost; trying again'),
  failed: (error) => {
    const needsToken = isTokenMissing(error);
    live('refused', needsToken ? 'Not live: the feed needs an admin token' : `Not live: ${explain(error)}`);
    askForToken('feed', needsToken);
  },
  news: () => list.within(SOON_MS * sessions.pages),
  woke: readAnew,
});

// --- what is there from the start

ignoreHeldKeys(document);
byId('sign-in').append(signInForm());
byId('sign-out').hidden = !token();
byId('sign-out').addEventListener('click', () => {
  setToken('');
  location.reload();
});
byId('lookup').addEventListener('submit', (event) => {
  event.preventDefault();
  choose(event.target.elements.id.value.trim());
});
client.on('error', (error) => {
  if (!detail) complain(error);
});

function draw() {
  requestAnimationFrame(draw);
  const now = client.getServerTime();
  sessions.draw(now);
  detail?.draw(now);
}

list.now();
draw();
new Figures(byId('figures'), byId('charts'));
