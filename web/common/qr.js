// QR codes (ISO/IEC 18004): byte mode, error correction level M, versions 1 to 10, which hold up to 213 bytes.

import { correction } from './galois.js';

// For each version: correction bytes a block, and how many blocks of how many data bytes.
const BLOCKS = [
  [10, [1, 16]],
  [16, [1, 28]],
  [26, [1, 44]],
  [18, [2, 32]],
  [24, [2, 43]],
  [16, [4, 27]],
  [18, [4, 31]],
  [22, [2, 38], [2, 39]],
  [22, [3, 36], [2, 37]],
  [26, [4, 43], [1, 44]],
];
const ALIGNED = [[], [18], [22], [26], [30], [34], [22, 38], [24, 42], [26, 46], [28, 50]]; // centres, but for the 6

// Whether a mask turns over the module at (row, column).
const MASKS = [
  (r, c) => (r + c) % 2 === 0,
  (r) => r % 2 === 0,
  (_, c) => c % 3 === 0,
  (r, c) => (r + c) % 3 === 0,
  (r, c) => ((r >> 1) + Math.floor(c / 3)) % 2 === 0,
  (r, c) => ((r * c) % 2) + ((r * c) % 3) === 0,
  (r, c) => (((r * c) % 2) + ((r * c) % 3)) % 2 === 0,
  (r, c) => (((r + c) % 2) + ((r * c) % 3)) % 2 === 0,
];
const FINDER_LIKE = [
  [1, 0, 1, 1, 1, 0, 1, 0, 0, 0, 0],
  [0, 0, 0, 0, 1, 0, 1, 1, 1, 0, 1],
];

const capacity = ([, ...groups]) => groups.reduce((sum, [blocks, bytes]) => sum + blocks * bytes, 0);
const countBits = (version) => (version < 10 ? 8 : 16);
const bitsOf = (value, length) => Array.from({ length }, (_, i) => (value >> (length - 1 - i)) & 1);

// --- the bytes

function chooseVersion(length) {
  const index = BLOCKS.findIndex((row, i) => 4 + countBits(i + 1) + 8 * length <= 8 * capacity(row));
  if (index < 0) throw new RangeError(`${length} bytes are too many for a QR code of version 10`);
  return index + 1;
}

function dataBytes(text, version) {
  const total = capacity(BLOCKS[version - 1]);
  const bits = [
    0,
    1,
    0,
    0,
    ...bitsOf(text.length, countBits(version)),
    ...[...text].flatMap((byte) => bitsOf(byte, 8)),
  ];
  bits.push(...new Array(Math.min(4, 8 * total - bits.length)).fill(0));
  while (bits.length % 8) bits.push(0);
  const bytes = Array.from({ length: bits.length / 8 }, (_, i) => parseInt(bits.slice(8 * i, 8 * i + 8).join(''), 2));
  for (let pad = 0xec; bytes.length < total; pad ^= 0xec ^ 0x11) bytes.push(pad);
  return bytes;
}

// Takes one byte of each block in turn, the shorter blocks ending first.
const interleave = (blocks) =>
  Array.from({ length: Math.max(...blocks.map((block) => block.length)) }, (_, i) =>
    blocks.filter((block) => i < block.length).map((block) => block[i]),
  ).flat();

function codewords(text, version) {
  const [correctionBytes, ...groups] = BLOCKS[version - 1];
  const bytes = dataBytes(text, version);
  const blocks = groups.flatMap(([count, length]) => Array.from({ length: count }, () => bytes.splice(0, length)));
  return [...interleave(blocks), ...interleave(blocks.map((block) => correction(block, correctionBytes)))];
}

// --- the grid: null where nothing stands yet

function drawSquare(grid, row, column, radius, isDark) {
  for (let r = -radius; r <= radius; r++) {
    for (let c = -radius; c <= radius; c++) {
      if (grid[row + r]?.[column + c] !== undefined)
        grid[row + r][column + c] = isDark(Math.max(Math.abs(r), Math.abs(c)));
    }
  }
}

function drawFinders(grid) {
  const far = grid.length - 4;
  for (const [row, column] of [
    [3, 3],
    [3, far],
    [far, 3],
  ]) {
    drawSquare(grid, row, column, 4, (distance) => Number(distance !== 2 && distance !== 4));
  }
}

function drawAlignment(grid, version) {
  const centres = version > 1 ? [6, ...ALIGNED[version - 1]] : [];
  for (const row of centres) {
    for (const column of centres) {
      if (grid[row][column] === null) drawSquare(grid, row, column, 2, (distance) => Number(distance !== 1));
    }
  }
}

function drawTiming(grid) {
  for (let i = 8; i < grid.length - 8; i++) grid[6][i] = grid[i][6] = Number(i % 2 === 0);
}

// The remainder of a BCH code: value, shifted by the divisor's degree, modulo the divisor.
function remainder(value, divisor) {
  const degree = 31 - Math.clz32(divisor);
  let rest = value << degree;
  for (let bit = 31 - Math.clz32(rest); bit >= degree; bit--) if (rest & (1 << bit)) rest ^= divisor << (bit - degree);
  return (value << degree) | rest;
}

function drawVersion(grid, version) {
  if (version < 7) return;
  const bits = remainder(version, 0x1f25);
  for (let i = 0; i < 18; i++) {
    const [near, far] = [Math.floor(i / 3), grid.length - 11 + (i % 3)];
    grid[near][far] = grid[far][near] = (bits >> i) & 1;
  }
}

function drawFormat(grid, mask) {
  const bits = remainder(mask, 0x537) ^ 0x5412; // level M is 00
  const size = grid.length;
  for (let i = 0; i < 15; i++) {
    const bit = (bits >> i) & 1;
    grid[i < 6 ? i : i < 8 ? i + 1 : size - 15 + i][8] = bit;
    grid[8][i < 8 ? size - 1 - i : i < 9 ? 7 : 14 - i] = bit;
  }
  grid[size - 8][8] = 1;
}

// Free places in the order of the bits: pairs of columns from the right, up and down by turns, without column 6.
function* places(grid) {
  let up = true;
  for (let right = grid.length - 1; right > 0; right -= right === 8 ? 3 : 2, up = !up) {
    for (let i = 0; i < grid.length; i++) {
      const row = up ? grid.length - 1 - i : i;
      for (const column of [right, right - 1]) if (grid[row][column] === null) yield [row, column];
    }
  }
}

// --- which mask reads best

function runPenalty(line) {
  let penalty = 0;
  for (let i = 1, run = 1; i <= line.length; i++) {
    if (line[i] === line[i - 1]) run++;
    else {
      penalty += run >= 5 ? run - 2 : 0;
      run = 1;
    }
  }
  return penalty;
}

const finderPenalty = (line) =>
  40 *
  FINDER_LIKE.reduce(
    (count, pattern) => count + line.filter((_, i) => pattern.every((bit, k) => line[i + k] === bit)).length,
    0,
  );

function blockPenalty(grid) {
  let blocks = 0;
  for (let r = 1; r < grid.length; r++) {
    for (let c = 1; c < grid.length; c++) {
      const bit = grid[r][c];
      blocks += Number(bit === grid[r - 1][c] && bit === grid[r][c - 1] && bit === grid[r - 1][c - 1]);
    }
  }
  return 3 * blocks;
}

function penalty(grid) {
  const lines = [...grid, ...grid.map((_, i) => grid.map((row) => row[i]))];
  const dark = grid.flat().filter(Boolean).length / grid.length ** 2;
  return (
    lines.reduce((sum, line) => sum + runPenalty(line) + finderPenalty(line), 0) +
    blockPenalty(grid) +
    10 * Math.floor(Math.abs(dark - 0.5) * 20)
  );
}

function masked(grid, free, mask) {
  const copy = grid.map((row) => [...row]);
  for (const [row, column] of free) copy[row][column] ^= Number(MASKS[mask](row, column));
  drawFormat(copy, mask);
  return copy;
}

/**
 * A text as a QR code.
 * @param {string} text at most 213 bytes of UTF-8; a RangeError beyond
 * @returns {number[][]} rows of modules, 1 for dark, without the quiet zone of four that belongs around it
 */
export function encode(text) {
  const bytes = new TextEncoder().encode(text);
  const version = chooseVersion(bytes.length);
  const size = 17 + 4 * version;
  const grid = Array.from({ length: size }, () => new Array(size).fill(null));
  drawFinders(grid);
  drawAlignment(grid, version);
  drawTiming(grid);
  drawVersion(grid, version);
  drawFormat(grid, 0);
  const free = [...places(grid)];
  const bits = codewords(bytes, version).flatMap((byte) => bitsOf(byte, 8));
  free.forEach(([row, column], i) => {
    grid[row][column] = bits[i] ?? 0;
  });
  const candidates = MASKS.map((_, mask) => masked(grid, free, mask));
  return candidates.reduce((best, next) => (penalty(next) < penalty(best) ? next : best));
}
