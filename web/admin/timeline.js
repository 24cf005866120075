// One session's history: each change of the audit trail, what it was, who made it, and what it did to the clocks.

import { format } from '/sdk/index.js';
import { element, reveal, write } from '../common/dom.js';
import { nameOf } from '../common/panes.js';
import { listEvents } from './api.js';
import { Schedule } from './schedule.js';

const LAG_MS = 2000; // events reach PostgreSQL within a second or so
const RETRY_MS = 5000;

const WORDS = {
  session_created: 'Created',
  session_started: 'Started',
  cycle_switched: 'Switched',
  session_paused: 'Paused',
  session_resumed: 'Resumed',
  time_expired: 'Time ran out',
  time_adjusted: 'Time adjusted',
  participant_added: 'Participant added',
  participant_removed: 'Participant removed',
  session_completed: 'Completed',
  session_cancelled: 'Cancelled',
  session_deleted: 'Deleted',
  session_recovered: 'Recovered',
};

const COMPARED = ['status', 'active_participant_id', 'active_group_id', 'cycle_number'];

const shown = (value) =>
  value === null || value === undefined ? 'none' : typeof value === 'object' ? JSON.stringify(value) : String(value);

const banks = (state) =>
  new Map(
    (state?.groups ?? state?.participants ?? []).map((owner) => [
      owner.group_id && state.groups ? owner.group_id : owner.participant_id,
      owner.total_time_ms,
    ]),
  );

const seconds = (ms) => `${ms < 0 ? '−' : '+'}${(Math.abs(ms) / 1000).toFixed(3)} s`;

// What a clock shows may hide what it lost.
const shift = (before, after) =>
  `${format(before)} → ${format(after)}` + (before === null || after === null ? '' : ` (${seconds(after - before)})`);

/** What an event changed, as sentences: the fields that differ from the state before, and the banks. */
export function changes(before, after) {
  if (!after || !before) return [];
  const fields = COMPARED.filter((name) => before[name] !== after[name]).map(
    (name) => `${name.replaceAll('_', ' ')}: ${shown(before[name])} → ${shown(after[name])}`,
  );
  const old = banks(before);
  const clocks = [...banks(after)]
    .filter(([id, ms]) => old.get(id) !== ms)
    .map(([id, ms]) => `${nameOf(after, id)}: ${old.has(id) ? shift(old.get(id), ms) : `new → ${format(ms)}`}`);
  return [...fields, ...clocks];
}

const argumentsOf = ({ type, metadata }) =>
  type === 'session_created'
    ? []
    : Object.entries(metadata ?? {})
        .filter(([, value]) => value !== null)
        .map(([name, value]) => `${name.replaceAll('_', ' ')} ${shown(value)}`);

const timeOfDay = (ms) => new Date(ms).toISOString().slice(11, 23);

const expiries = (event) =>
  event.expiries.map(
    ({ participant_id: who, group_id: group, at_ms: at, action_applied: action }) =>
      `${shown(group ?? who ?? 'the clock')} ran out at ${timeOfDay(at)}: ${action?.type ?? ''}`,
  );

function item(event, before) {
  const details = [...argumentsOf(event), ...expiries(event), ...changes(before, event.state)];
  const by = [event.actor, event.request_id ? `request ${event.request_id}` : ''].filter(Boolean).join(', ');
  return element(
    'li',
    { 'data-type': event.type },
    element(
      'p',
      {},
      element('b', {}, WORDS[event.type] ?? event.type),
      ' ',
      element('time', { datetime: event.at, class: 'soft' }, event.at.replace('T', ' ').replace('Z', ' UTC')),
    ),
    details.length ? element('ul', { class: 'changes' }, ...details.map((text) => element('li', {}, text))) : null,
    element('p', { class: 'soft small' }, `version ${event.version}, by ${by}`),
  );
}

const isFinal = ({ status }) => status >= 400 && status < 500 && status !== 429;

export class Timeline {
  #list = element('ol', { class: 'timeline' });
  #note = element('p', { class: 'soft', role: 'status', tabindex: '-1' });
  #more = element('button', { type: 'button', hidden: true, onclick: () => this.#schedule.within(0) }, 'Show more');
  #sessionId;
  #schedule = new Schedule((isLatest) => this.#read(isLatest));
  #last = null; // the last event shown
  #expected = 0; // the session's version, whose event is on its way at least

  constructor(sessionId) {
    this.#sessionId = sessionId;
    this.node = element(
      'section',
      { 'aria-label': 'History' },
      element('h3', {}, 'History'),
      this.#list,
      this.#note,
      this.#more,
    );
    this.#schedule.within(0);
  }

  /** The session is at this version now. Where older events wait to be shown, the reader asks for the next ones. */
  expect(version) {
    this.#expected = version;
    if (this.#more.hidden) this.#schedule.within(LAG_MS);
  }

  close() {
    this.#schedule.stop();
  }

  // Reads on from the last event that is shown.
  async #read(isLatest) {
    try {
      const { data, next_after: next } = await listEvents(this.#sessionId, this.#last?.event_id);
      if (!isLatest()) return Infinity;
      this.#show(data);
      reveal(this.#more, next !== null, this.#note);
      const isBehind = next === null && (this.#last?.version ?? 0) < this.#expected;
      write(this.#note, isBehind ? 'The latest change has not reached PostgreSQL yet.' : '');
      return isBehind ? RETRY_MS : Infinity;
    } catch (error) {
      if (isLatest()) write(this.#note, this.#reason(error));
      const isEarly = error.status === 404 && this.#expected > 0; // its first event is still on its way
      return isFinal(error) && !isEarly ? Infinity : (error.retryAfterMs ?? RETRY_MS);
    }
  }

  #show(events) {
    for (const event of events) {
      this.#list.append(item(event, this.#last?.state));
      this.#last = event;
    }
  }

  #reason(error) {
    return error.code === 'ARCHIVE_UNAVAILABLE'
      ? 'PostgreSQL, which holds the history, is away.'
      : `No history: ${error.message}`;
  }
}
