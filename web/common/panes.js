// What clocks a session has to show, for any sync mode: pure functions of a state.

const SHARED = new Set(['global', 'count_up']); // modes with one clock for everybody

/** How somebody or something is called: by the name in the metadata, else by its id. */
export function nameOf(state, id) {
  const names = Object(state.metadata?.names);
  const name = Object.hasOwn(names, id) ? names[id] : null;
  return typeof name === 'string' && name.trim() ? name : id;
}

/** The session's title; empty where there is none. */
export const titleOf = (state) => (typeof state.metadata?.title === 'string' ? state.metadata.title : '');

/**
 * @typedef {object} Pane
 * @property {string} key what the pane is of, the same from state to state
 * @property {string} name
 * @property {string} note what stands under the name, or nothing
 * @property {string | undefined} participantId whose time it shows; undefined for the session's own clock
 * @property {boolean} active
 * @property {boolean} expired
 */

/** @returns {Pane[]} in order of their turns */
export function panesOf(state) {
  if (SHARED.has(state.sync_mode)) return [sharedPane(state)];
  if (state.sync_mode === 'per_group') return groupPanes(state);
  return state.participants.map((participant) => ({
    key: participant.participant_id,
    name: nameOf(state, participant.participant_id),
    note: '',
    participantId: participant.participant_id,
    active: participant.is_active,
    expired: participant.has_expired,
  }));
}

function sharedPane(state) {
  const active = state.active_participant_id;
  return {
    key: 'session',
    name: titleOf(state) || state.session_id,
    note: active ? nameOf(state, active) : '',
    participantId: undefined,
    active: ['running', 'paused'].includes(state.status),
    expired: state.status === 'expired',
  };
}

const groupPanes = (state) =>
  state.groups.map((group) => {
    const members = state.participants.filter((participant) => participant.group_id === group.group_id);
    const shown = members.find((participant) => participant.is_active) ?? members[0];
    const note =
      group.is_active && shown
        ? nameOf(state, shown.participant_id)
        : members.map((participant) => nameOf(state, participant.participant_id)).join(', ');
    return {
      key: group.group_id,
      name: nameOf(state, group.group_id),
      note,
      participantId: shown?.participant_id,
      active: group.is_active,
      expired: group.has_expired,
    };
  });

/** What a full clock would show, in ms: all that its owner was given so far; null where there is no such thing. */
export function fullTime(state, pane) {
  if (state.sync_mode === 'count_up') return state.max_time_ms;
  if (state.time_per_cycle_ms !== null) return state.time_per_cycle_ms;
  const owner =
    state.groups?.find(({ group_id: id }) => id === pane.key) ??
    state.participants.find(({ participant_id: id }) => id === pane.participantId);
  return owner ? owner.total_time_ms + owner.time_used_ms : state.total_time_ms;
}

/** Whose turn it is, as a name, or null. */
export function activeName(state) {
  const id = state.active_group_id ?? state.active_participant_id;
  return id === null || id === undefined ? null : nameOf(state, id);
}
