// The dashboard: the list, one session of it, the figures, and the feed that says when to look again.

import { write } from '../common/dom.js';
import { explain, isTokenMissing, newClient, setToken, token } from '../common/service.js';
import { Detail } from './detail.js';
import { listen } from './feed.js';
import { Figures } from './figures.js';
import { Sessions } from './sessions.js';

const REFRESH_MS = 10000; // what the feed does not tell: switches, adjustments
const SOON_MS = 1500; // at most so often because of the feed

const byId = (id) => document.getElementById(id);
const client = newClient();
let detail = null;

const sessions = new Sessions(
  { list: byId('sessions'), count: byId('count'), more: byId('more'), filters: byId('filters') },
  choose,
);

function choose(sessionId) {
  detail?.close();
  detail = new Detail(byId('detail'), sessionId, (state) => sessions.update(state));
  sessions.chosen(sessionId);
  byId('detail').focus({ preventScroll: window.innerWidth > 900 });
}

// --- the list, again and again

let timer = 0;
let due = Infinity;

function refreshIn(ms) {
  const at = performance.now() + ms;
  if (at >= due) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(refresh, ms);
}

async function refresh() {
  due = Infinity;
  try {
    await sessions.load();
    byId('problem').replaceChildren();
    byId('sign-in').hidden = true;
  } catch (error) {
    complain(error);
  }
  refreshIn(REFRESH_MS);
}

function complain(error) {
  const text = Object.assign(document.createElement('p'), { className: 'notice', textContent: explain(error) });
  byId('problem').replaceChildren(text);
  byId('sign-in').hidden = !isTokenMissing(error);
}

// --- the token

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  setToken(byId('token').value.trim());
  location.reload();
});
byId('sign-out').hidden = !token();
byId('sign-out').addEventListener('click', () => {
  setToken('');
  location.reload();
});

// --- what is there from the start

const LIVENESS = {
  connected: 'Live',
  lost: 'Not live: the feed is lost; trying again',
  refused: 'Not live: the feed needs an admin token',
};

byId('lookup').addEventListener('submit', (event) => {
  event.preventDefault();
  choose(event.target.elements.id.value.trim());
});
byId('sessions').addEventListener('refresh', () => refreshIn(0));
listen(
  (status) => {
    write(byId('liveness'), LIVENESS[status]);
    byId('liveness').dataset.status = status;
  },
  () => refreshIn(SOON_MS),
);

function draw() {
  requestAnimationFrame(draw);
  const now = client.getServerTime();
  sessions.draw(now);
  detail?.draw(now);
}

const synchronise = () => client.syncServerTime().catch(complain);
setInterval(synchronise, 60000);
synchronise();
refresh();
draw();
new Figures(byId('figures'), byId('charts')).run();
