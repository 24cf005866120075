// Says what happened, once, to screen readers: events only, never the ticking of a clock.

import { activeName, nameOf } from '../common/panes.js';

const ENDED = {
  expired: 'The session is over',
  completed: 'The session is over',
  cancelled: 'The session was cancelled',
};
const TOGETHER_MS = 100; // what happens within this is one event, as an expiry and the turn after it are

/** What differs between two states, as a sentence; an empty one where nothing is worth saying. */
export function newsBetween(before, after) {
  if (!before || before.session_id !== after.session_id) return '';
  if (before.status !== after.status) return statusNews(before, after);
  if (before.cycle_number !== after.cycle_number && after.status === 'running') {
    return activeName(after) ? `${activeName(after)}’s turn` : `Number ${after.cycle_number}`;
  }
  return '';
}

function statusNews(before, after) {
  if (after.status === 'paused') return 'Paused';
  if (after.status === 'running') {
    const turn = activeName(after) ? `: ${activeName(after)}’s turn` : '';
    return `${before.status === 'paused' ? 'Resumed' : 'Started'}${turn}`;
  }
  return ENDED[after.status] ?? '';
}

const whose = (state, payload, id, group) =>
  (payload[group] ?? payload[id]) ? `${nameOf(state, payload[group] ?? payload[id])}: ` : '';

export function warningNews(state, payload) {
  const seconds = Math.round(payload.threshold_ms / 1000);
  const left = seconds >= 120 ? `${Math.round(seconds / 60)} minutes` : `${seconds} seconds`;
  return `${whose(state, payload, 'participant_id', 'group_id')}${left} left`;
}

export const expiryNews = (state, payload) =>
  `${whose(state, payload, 'expired_participant_id', 'expired_group_id')}time is up`;

const waiting = [];

/** Has the page's live region say a sentence; the same one twice is said twice. */
export function announce(text) {
  if (!text || waiting.push(text) > 1) return;
  const region = document.getElementById('announcer');
  region.textContent = '';
  setTimeout(() => {
    region.textContent = waiting.splice(0).join('. ');
  }, TOGETHER_MS);
}
