// One session's history: each change of the audit trail, what it was, who made it, and what it did to the clocks.

import { format } from '/sdk/index.js';
import { element, write } from '../common/dom.js';
import { nameOf } from '../common/panes.js';
import { listEvents } from './api.js';

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

/** What an event changed, as sentences: the fields that differ from the state before, and the banks. */
export function changes(before, after) {
  if (!after || !before) return [];
  const fields = COMPARED.filter((name) => before[name] !== after[name]).map(
    (name) => `${name.replaceAll('_', ' ')}: ${shown(before[name])} → ${shown(after[name])}`,
  );
  const old = banks(before);
  const clocks = [...banks(after)]
    .filter(([id, ms]) => old.get(id) !== ms)
    .map(([id, ms]) => `${nameOf(after, id)}: ${old.has(id) ? format(old.get(id)) : 'new'} → ${format(ms)}`);
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

export class Timeline {
  #list = element('ol', { class: 'timeline' });
  #note = element('p', { class: 'soft' });
  #more = element('button', { type: 'button', hidden: true, onclick: () => this.load() }, 'Show more');
  #sessionId;
  #last = null; // the last event shown
  #loading = null;

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
  }

  /** Reads on from the last event that is shown. Calls that overlap are one. */
  load() {
    this.#loading ??= this.#read().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  async #read() {
    try {
      const { data, next_after: next } = await listEvents(this.#sessionId, this.#last?.event_id);
      for (const event of data) {
        this.#list.append(item(event, this.#last?.state));
        this.#last = event;
      }
      this.#more.hidden = next === null;
      write(this.#note, this.#last ? '' : 'No event has reached PostgreSQL yet.');
    } catch (error) {
      write(
        this.#note,
        error.code === 'ARCHIVE_UNAVAILABLE'
          ? 'PostgreSQL, which holds the history, is away.'
          : `No history: ${error.message}`,
      );
    }
  }
}
