// What needs no browser: the QR encoder against a decoder of somebody else's, figures, and what the demo creates.

import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import test from 'node:test';
import jsqr from 'jsqr';
import { parse, quantile, rate, total } from '../../web/admin/metrics.js';
import { encode } from '../../web/common/qr.js';
import { PRESETS, sessionOf } from '../../web/demo/presets.js';

globalThis.crypto ??= webcrypto; // Node 18 has it elsewhere

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

// --- the demo's presets

const create = (preset, fields) =>
  sessionOf(
    PRESETS.find(({ id }) => id === preset),
    fields,
  );

test('a clock as it is offered warns, and none does from its start', () => {
  for (const { id } of PRESETS.filter((preset) => preset.id !== 'speedrun'))
    assert.ok(create(id, {}).warnings_ms.length >= 1, id);
  for (const [preset, fields, warnings] of [
    ['exam', { minutes: '15' }, [300000, 60000]],
    ['meeting', { minutes: '2' }, [30000]],
    ['poker', { seconds: '10' }, [5000]],
    ['quiz', { seconds: '5' }, []],
    ['chess', { minutes: '1' }, [30000, 10000, 5000]],
  ])
    assert.deepEqual(create(preset, fields).warnings_ms, warnings, preset);
});

test('the longest names that are taken make ids that the service takes', () => {
  for (const [letter, plain] of [
    ['é', 'e'],
    ['x', 'x'],
  ]) {
    const { participants } = create('chess', { names: [letter.repeat(40), letter.repeat(40)].join(',') });
    assert.deepEqual(
      participants.map(({ participant_id: id }) => id),
      [plain.repeat(40), `${plain.repeat(40)}-2`],
    );
  }
});
