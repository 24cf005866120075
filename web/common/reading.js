// What a pane's clock says at an instant: text, phase, and how full it is. Pure functions.

import { format, phase, timeElapsed, timeLeft } from '/sdk/index.js';
import { fullTime } from './panes.js';

const two = (n) => String(n).padStart(2, '0');

/** Upwards, with tenths, rounded down: nothing shows a time that has not passed. */
export function formatElapsed(ms) {
  const tenths = Math.floor(ms / 100);
  const [hours, minutes, seconds] = [
    Math.floor(tenths / 36000),
    Math.floor(tenths / 600) % 60,
    Math.floor(tenths / 10) % 60,
  ];
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(seconds)}.${tenths % 10}`;
}

const countsUp = (state) => state.sync_mode === 'count_up' && state.max_time_ms === null;

function remaining(state, pane, now) {
  if (state.clock.overtime && pane.active) return 0;
  const left = timeLeft(state, pane.participantId, now);
  return left ?? (state.status === 'expired' ? 0 : null);
}

// A clock that is not the one running is waiting, or has run out.
function phaseOf(state, pane, now) {
  if (pane.active || pane.participantId === undefined) {
    const whole = phase(state, now);
    return whole === 'ended' && pane.expired ? 'expired' : whole;
  }
  return pane.expired ? 'expired' : 'waiting';
}

/**
 * @param {import('./panes.js').Pane} pane
 * @returns {{text: string, phase: string, share: number | null}} share: of a full clock, 0 to 1; null: there is none
 */
export function readingOf(state, pane, now) {
  if (countsUp(state))
    return { text: formatElapsed(timeElapsed(state, now)), phase: phaseOf(state, pane, now), share: null };
  const left = remaining(state, pane, now);
  const full = fullTime(state, pane);
  return {
    text: format(left),
    phase: phaseOf(state, pane, now),
    share: left === null || !full ? null : Math.min(1, left / full),
  };
}

/** How long the cycle has lasted, where the main clock does not say: the split of a stopwatch. */
export const splitText = (state, now) =>
  formatElapsed(
    state.cycle_time_used_ms + (state.clock.started_at_ms === null ? 0 : Math.max(0, now - state.clock.started_at_ms)),
  );
