// How far what a page shows is from the truth, frame by frame.
//
// A page keeps what each of its frames shows, and when. The truth is the session as the server gives it after each
// change: at any instant it says what every clock shows. A frame's difference is how far apart in time it is from the
// truth: the least by which its instant must be moved for the truth to look like it, or by which the change is over
// that it does not know of yet. A late frame is a frame like others. It is compared with all instants at which it was
// being drawn: at one of them the page looked at its clock, however long a busy machine let it wait in between.

import { format, timeLeft } from '../../sdk/js/src/time.js';

const FARTHEST_MS = 1000; // what is farther apart than that is shown as that
const FRAME_MS = 17; // from one to the next, where nothing is in the way

/** In the page: begins to keep its frames. After the page's own, so that it sees what they have drawn. */
export function record() {
  window.kept = [];
  window.changes = 0;
  let before = null;
  const textIn = (pane) => {
    const { key, active } = pane.dataset;
    return `${key}${active === undefined ? '' : '*'} ${pane.querySelector('.digits').textContent}`;
  };
  const step = () => {
    const text = [...document.querySelectorAll('.pane')].map(textIn).join(' ');
    if (text !== before) window.changes++;
    before = text;
    window.kept.push({ began: window.device.frameBegan(), at: window.device.instant(), text });
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

/** Waits until what a page shows has changed so often. */
export async function changes(page, count) {
  const since = await page.evaluate(() => window.changes);
  await page.waitForFunction((enough) => window.changes >= enough, since + count);
}

/** The frames since they were taken last. */
export const takeFrames = (page) => page.evaluate(() => window.kept.splice(0));

const textOf = (view, at) =>
  view.participants
    .map(({ participant_id: id, is_active: active }) => `${id}${active ? '*' : ''} ${format(timeLeft(view, id, at))}`)
    .join(' ');

/** What a session is after each of its changes. */
export class Truth {
  views = []; // oldest first

  constructor(stack, sessionId) {
    this.stack = stack;
    this.sessionId = sessionId;
  }

  /** Takes note of a change that there was; answers with whether it was one more. */
  async follow() {
    const view = await this.stack.ask('GET', `/v1/sessions/${this.sessionId}`);
    const last = this.views.at(-1);
    if (last && view.version > last.version + 1) throw new Error('a change was missed');
    if (view.version === last?.version) return false;
    this.views.push(view);
    return true;
  }

  /** By how many ms a frame is ahead of the truth (above 0) or behind it (below). */
  difference({ began, at, text }) {
    const behind = this.#differenceAt(began, text);
    return behind < 0 ? behind : Math.max(0, this.#differenceAt(at, text));
  }

  #differenceAt(instant, text) {
    let best = FARTHEST_MS;
    for (const [view, news] of this.#newsAt(instant)) {
      if (Math.abs(news) >= Math.abs(best)) break;
      const clock = moved(view, instant, text, Math.abs(best));
      best = Math.abs(news) > Math.abs(clock) ? news : clock;
    }
    return best;
  }

  // Each view, and by how much it would be old news at an instant (below 0), or come before its time; the truest first.
  #newsAt(at) {
    return this.views
      .map((view, i) => {
        const until = this.views[i + 1]?.updated_at_ms ?? Infinity;
        return [view, Math.min(0, until - at) + Math.max(0, view.updated_at_ms - at)];
      })
      .sort(([, a], [, b]) => Math.abs(a) - Math.abs(b));
  }
}

function moved(view, at, text, withinMs) {
  for (let ms = 0; ms < withinMs; ms++) {
    if (textOf(view, at + ms) === text) return ms;
    if (textOf(view, at - ms) === text) return -ms;
  }
  return withinMs;
}

/**
 * The most by which frames are ahead of the truth and behind it, by how much the machine let one of them wait, how many
 * they are, and how often they changed.
 */
export function measure(truth, frames) {
  const differences = frames.map((frame) => truth.difference(frame));
  const gaps = frames.slice(1).map(({ began }, i) => began - frames[i].began);
  return {
    ahead: Math.max(0, ...differences),
    behind: Math.max(0, ...differences.map((ms) => -ms)),
    late: Math.max(0, ...gaps.map((ms) => ms - FRAME_MS)),
    frames: frames.length,
    changes: frames.filter(({ text }, i) => i > 0 && text !== frames[i - 1].text).length,
  };
}

/** The most by which the frames of two pages can differ: one as far ahead as it ever was, the other as far behind. */
export const apart = (one, other) => Math.max(one.ahead + other.behind, other.ahead + one.behind);
