// What a state shows at an instant: pure functions, which look at no clock. The instant is the client's
// getServerTime(); left out, it is the one at which the server made the state.

import { SyncKairosError } from './errors.js';

/** @typedef {import('./types.js').SessionState} SessionState */

const SHARED = new Set(['global', 'count_up']); // one clock for everybody

/**
 * @param {SessionState} state
 * @param {string} participantId
 */
function findParticipant(state, participantId) {
  const found = state.participants.find((participant) => participant.participant_id === participantId);
  if (!found) {
    throw new SyncKairosError('PARTICIPANT_NOT_FOUND', `no participant "${participantId}" in ${state.session_id}`);
  }
  return found;
}

/**
 * Whether the clock that runs, or would, is this participant's.
 * @param {SessionState} state
 * @param {import('./types.js').Participant} participant
 */
function isOnTheClock(state, participant) {
  return participant.is_active || SHARED.has(state.sync_mode)
    || (state.active_group_id !== null && participant.group_id === state.active_group_id);
}

/**
 * Milliseconds left: on the participant's clock, or without one on the clock of whoever's turn it is. Null: there is
 * no limit, or the session has ended.
 * @param {SessionState} state
 * @param {string | null} [participantId]
 * @param {number} [now]
 * @returns {number | null}
 */
export function timeLeft(state, participantId, now) {
  const { clock } = state;
  const participant = participantId == null ? null : findParticipant(state, participantId);
  const runs = participant === null || isOnTheClock(state, participant);
  if (runs && now !== undefined && clock.deadline_at_ms !== null && clock.started_at_ms !== null) {
    return Math.max(0, clock.deadline_at_ms - Math.max(now, clock.started_at_ms));
  }
  return (participant ?? clock).time_remaining_ms;
}

/**
 * Milliseconds of this cycle so far, overtime included; in `count_up` those of the session.
 * @param {SessionState} state
 * @param {number} [now]
 */
export function timeElapsed(state, now) {
  const { clock } = state;
  if (now === undefined || clock.started_at_ms === null) {
    return clock.time_elapsed_ms;
  }
  const before = state.sync_mode === 'count_up' ? state.time_used_ms : state.cycle_time_used_ms;
  return before + Math.max(0, Math.min(now, clock.deadline_at_ms ?? now) - clock.started_at_ms);
}

/**
 * @param {SessionState} state
 * @param {number | null} left
 * @returns {import('./types.js').Phase}
 */
function runningPhase({ clock, warnings_ms: warnings }, left) {
  if (clock.overtime) {
    return 'overtime';
  }
  if (left === null || !warnings.some((threshold) => left <= threshold)) {
    return 'running';
  }
  return left <= Math.min(...warnings) ? 'critical' : 'warning';
}

/**
 * What to make of the session as a whole. `warning` begins with the largest of the session's thresholds
 * (`warnings_ms`), `critical` with the smallest.
 * @param {SessionState} state
 * @param {number} [now]
 * @returns {import('./types.js').Phase}
 */
export function phase(state, now) {
  switch (state.status) {
    case 'pending': return 'idle';
    case 'running': return runningPhase(state, timeLeft(state, null, now));
    case 'paused': return 'paused';
    default: return 'ended';
  }
}

/** @param {number} n */
const two = (n) => String(n).padStart(2, '0');

/**
 * `1:05:00`, `5:00`, and below ten seconds `0:09.9`. Rounded up, so that nothing shows zero before time is up.
 * Without a limit (null) `--:--`.
 * @param {number | null} ms
 */
export function format(ms) {
  if (ms === null) {
    return '--:--';
  }
  if (!Number.isFinite(ms)) {
    throw new TypeError(`format: not a number of milliseconds: ${ms}`);
  }
  const tenths = Math.ceil(Math.abs(ms) / 100);
  const seconds = tenths < 100 ? Math.floor(tenths / 10) : Math.ceil(Math.abs(ms) / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const whole = `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
  return `${ms < 0 ? '-' : ''}${whole}${tenths < 100 ? `.${tenths % 10}` : ''}`;
}
