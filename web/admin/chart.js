// A line chart in SVG: one or two lines over the last minutes, the newest at the right, with its last values in words.

import { drawing, element, write } from '../common/dom.js';

const WIDTH = 320;
const HEIGHT = 96;
const POINTS = 60;

const inWords = (value, unit) =>
  value === null || value === undefined
    ? '–'
    : `${value >= 10 ? Math.round(value) : Number(value.toPrecision(2))} ${unit}`;

// The next 1, 2 or 5 × a power of ten: an axis whose end can be read.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return [1, 2, 5, 10].map((step) => step * power).find((end) => end >= value);
}

// A value without one before it begins a line, as a dot that remains if none follows.
function pathOf(values, top) {
  const step = WIDTH / (POINTS - 1);
  const at = (value, i) =>
    `${(WIDTH - (values.length - 1 - i) * step).toFixed(1)} ${(HEIGHT - 2 - (HEIGHT - 6) * (value / top)).toFixed(1)}`;
  const begins = (i) => (values[i - 1] ?? null) === null;
  return values
    .map((value, i) => (value === null ? '' : begins(i) ? `M${at(value, i)}h.01` : `L${at(value, i)}`))
    .join('');
}

export class Chart {
  #title;
  #lines;
  #unit;
  #values;
  #paths;
  #figures;
  #top = element('span', { class: 'top soft' });
  #svg;

  /**
   * @param {string} title
   * @param {string} unit
   * @param {string[]} lines their names, at most two
   */
  constructor(title, unit, lines) {
    this.#title = title;
    this.#lines = lines;
    this.#unit = unit;
    this.#values = lines.map(() => []);
    this.#paths = lines.map((_, i) => drawing('path', { class: `line-${i}`, fill: 'none' }));
    this.#figures = lines.map(() => element('b', { class: 'figure' }, '–'));
    this.#svg = drawing(
      'svg',
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': title },
      drawing('path', { class: 'axis', d: `M0 ${HEIGHT - 1}H${WIDTH}M0 4H${WIDTH}` }),
      ...this.#paths,
    );
    const legend = lines.map((name, i) => element('span', { class: `key key-${i}` }, `${name} `, this.#figures[i]));
    this.node = element(
      'figure',
      { class: 'chart' },
      element('figcaption', {}, element('h3', {}, title), element('p', { class: 'row' }, ...legend)),
      element('div', { class: 'plot' }, this.#svg, this.#top),
    );
  }

  /** @param {(number | null)[]} values one a line; null draws a gap */
  add(values) {
    values.forEach((value, i) => {
      this.#values[i] = [...this.#values[i], value].slice(-POINTS);
    });
    const most = Math.max(0, ...this.#values.flat().filter((value) => value !== null));
    const top = roundUp(most || 1);
    this.#paths.forEach((path, i) => path.setAttribute('d', pathOf(this.#values[i], top)));
    const newest = this.#values.map((line) => line.findLast((value) => value !== null));
    newest.forEach((value, i) => write(this.#figures[i], inWords(value, this.#unit)));
    write(this.#top, inWords(top, this.#unit));
    this.#svg.setAttribute(
      'aria-label',
      `${this.#title}: ${this.#lines.map((name, i) => `${name} ${inWords(newest[i], this.#unit)}`).join(', ')}`,
    );
  }
}
