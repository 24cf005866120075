// Arithmetic in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1, and the Reed-Solomon remainder that protects QR codes.

const EXP = new Uint8Array(255);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power++) {
  EXP[power] = value;
  LOG[value] = power;
  value = (value << 1) ^ (value & 0x80 ? 0x11d : 0);
}

const multiply = (a, b) => (a && b ? EXP[(LOG[a] + LOG[b]) % 255] : 0);

/** The coefficients below the leading 1 of (x - 2^0)(x - 2^1)…, highest power first. */
function generator(degree) {
  let polynomial = [1];
  for (let root = 0; root < degree; root++) {
    const shifted = [...polynomial, 0];
    polynomial = shifted.map((value, i) => value ^ (i ? multiply(polynomial[i - 1], EXP[root]) : 0));
  }
  return polynomial.slice(1);
}

/**
 * The error correction bytes of a block.
 * @param {number[]} data
 * @param {number} count how many of them
 */
export function correction(data, count) {
  const divisor = generator(count);
  const remainder = new Array(count).fill(0);
  for (const byte of data) {
    const factor = byte ^ remainder.shift();
    remainder.push(0);
    divisor.forEach((value, i) => {
      remainder[i] ^= multiply(value, factor);
    });
  }
  return remainder;
}
