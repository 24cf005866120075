// One clock on the screen: its name, its time, a bar. Drawn each frame, touched only where something differs.

import { element, mark, write } from '../common/dom.js';
import { isPress } from '../common/press.js';
import { readingOf, splitText } from '../common/reading.js';
import { presetOf } from './presets.js';

const WORDS = {
  idle: 'ready',
  running: '',
  warning: '',
  critical: '',
  overtime: 'Time is up',
  paused: 'Paused',
  ended: 'Over',
  expired: 'Time is up',
  waiting: '',
};

// In "Question 3" the 3 is the cycle's number; where somebody's name stands, it does.
function noteOf(state, pane) {
  const cycle = presetOf(state)?.cycle;
  return pane.note || (cycle && state.cycle_number > 0 ? `${cycle} ${state.cycle_number}` : '');
}

export class Clockface {
  #time = element('time', { class: 'digits', role: 'timer', 'aria-live': 'off' });
  #name = element('h2', { class: 'name' });
  #note = element('p', { class: 'note' });
  #word = element('p', { class: 'word' });
  #bar = element('div', { class: 'fill' });
  #pane;
  #state;

  constructor(onpress) {
    this.node = element(
      'section',
      { class: 'pane', onclick: (event) => isPress(event) && this.#pane.active && onpress() },
      element('header', {}, this.#name, this.#note),
      this.#time,
      element('footer', {}, this.#word, element('div', { class: 'meter', 'aria-hidden': 'true' }, this.#bar)),
    );
  }

  update(state, pane, featured) {
    this.#state = state;
    this.#pane = pane;
    write(this.#name, pane.name);
    write(this.#note, noteOf(state, pane));
    mark(this.node, 'data-key', pane.key);
    mark(this.node, 'data-active', pane.active ? '' : null);
    mark(this.node, 'data-featured', featured ? '' : null);
  }

  draw(now) {
    const { text, phase, share } = readingOf(this.#state, this.#pane, now);
    if (this.#time.textContent !== text) {
      this.#time.textContent = text;
      this.#time.style.setProperty('--characters', Math.max(4, text.length));
    }
    mark(this.node, 'data-phase', phase);
    write(this.#word, this.#wordFor(phase, now));
    this.#bar.parentNode.hidden = share === null;
    this.#bar.style.transform = `scaleX(${(share ?? 0).toFixed(4)})`;
  }

  #wordFor(phase, now) {
    const counting = this.#state.sync_mode === 'count_up' && this.#state.cycle_number > 1 && this.#state.clock.running;
    if (phase === 'waiting' && this.#state.session_completed_at) return WORDS.ended;
    return counting ? `This split ${splitText(this.#state, now)}` : WORDS[phase];
  }
}
