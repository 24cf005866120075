// What needs no browser: the QR encoder against a decoder of somebody else's.

import assert from 'node:assert/strict';
import test from 'node:test';
import jsqr from 'jsqr';
import { parse, quantile, rate, total } from '../../web/admin/metrics.js';
import { encode } from '../../web/common/qr.js';

const QUIET = 4;
const SCALE = 3;

function decode(modules) {
  const width = (modules.length + 2 * QUIET) * SCALE;
  const pixels = new Uint8ClampedArray(width * width * 4).fill(255);
  for (let i = 0; i < width * width; i++) {
    const [row, column] = [Math.floor(i / width), i % width].map((at) => Math.floor(at / SCALE) - QUIET);
    if (modules[row]?.[column]) pixels.set([0, 0, 0], 4 * i);
  }
  return jsqr(pixels, width, width);
}

const LONGEST = [14, 26, 42, 62, 84, 106, 122, 152, 180, 213]; // bytes, of each version at level M

for (const [i, longest] of LONGEST.entries()) {
  test(`version ${i + 1} holds ${longest} bytes, and what it says is read back`, () => {
    for (const length of [longest, longest - 1, (LONGEST[i - 1] ?? 0) + 1]) {
      const text = Array.from({ length }, (_, k) => String.fromCharCode(33 + ((k * 7 + length) % 90))).join('');
      const modules = encode(text);
      assert.equal(modules.length, 21 + 4 * i);
      assert.equal(decode(modules)?.data, text);
    }
  });
}

test('an address with letters beyond ASCII is read back', () => {
  const text = 'https://example.org:8443/#session=übung-1';
  assert.equal(decode(encode(text))?.data, text);
});

test('damage within what level M mends is mended', () => {
  const text = 'http://192.168.178.20:8080/#session=chess-4711';
  const modules = encode(text);
  for (let r = 10; r < 15; r++) for (let c = 10; c < 15; c++) modules[r][c] ^= 1;
  assert.equal(decode(modules)?.data, text);
});

test('too long a text is refused, not cut', () => {
  assert.throws(() => encode('x'.repeat(214)), RangeError);
});

// --- the dashboard's reading of /metrics

const scrape = (...counts) =>
  parse(
    [
      '# HELP lag Lag.',
      ...['0.1', '0.2', '0.4', '+Inf'].map((le, i) => `lag_bucket{le="${le}"} ${counts[i]}`),
      'seen_total{route="/v1/sessions/{id}",status="200"} 7',
      'seen_total{route="a \\"b\\"",status="404"} 2',
    ].join('\n'),
  );

test('a quantile is of what lies between two scrapes', () => {
  const [before, after] = [scrape(100, 100, 100, 100), scrape(100, 110, 110, 110)];
  assert.equal(quantile(before, after, 'lag', 0.5).toFixed(3), '0.150');
  assert.equal(quantile(after, after, 'lag', 0.5), null);
  assert.equal(quantile(before, scrape(100, 100, 100, 120), 'lag', 0.99), 0.4);
});

test('series are summed by label, and a counter that began anew has no rate', () => {
  const series = scrape(0, 0, 0, 0);
  assert.equal(total(series, 'seen_total'), 9);
  assert.equal(total(series, 'seen_total', { status: '404' }), 2);
  assert.equal(rate(series, parse('seen_total 4'), 'seen_total', 5), null);
  assert.equal(rate(series, parse('seen_total 19'), 'seen_total', 5), 2);
});
