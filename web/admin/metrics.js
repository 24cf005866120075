// Reads Prometheus' text format, and tells what happened between two scrapes. Pure functions.

const LINE = /^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)/i;
const LABEL = /([a-z_][a-z0-9_]*)="((?:[^"\\]|\\.)*)"/gi;

/**
 * @param {string} text
 * @returns {Map<string, {labels: Record<string, string>, value: number}[]>} by name
 */
export function parse(text) {
  const series = new Map();
  for (const line of text.split('\n')) {
    const [, name, labelText = '', value] = LINE.exec(line) ?? [];
    if (!name) continue;
    const labels = Object.fromEntries(Array.from(labelText.matchAll(LABEL), ([, key, content]) => [key, content]));
    series.set(name, [...(series.get(name) ?? []), { labels, value: Number(value) }]);
  }
  return series;
}

/** The sum over a name's series with these labels; 0 where there is none. */
export const total = (series, name, wanted = {}) =>
  (series.get(name) ?? [])
    .filter(({ labels }) => Object.entries(wanted).every(([key, value]) => labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);

/** Events a second between two scrapes; null where a counter began anew. */
export function rate(before, after, name, seconds) {
  const count = total(after, name) - total(before, name);
  return count < 0 || seconds <= 0 ? null : count / seconds;
}

// Of all series of a histogram together: [upper bound, how many at most that], ascending.
function buckets(series, name) {
  const sums = new Map();
  for (const { labels, value } of series.get(`${name}_bucket`) ?? []) {
    const bound = labels.le === '+Inf' ? Infinity : Number(labels.le);
    sums.set(bound, (sums.get(bound) ?? 0) + value);
  }
  return [...sums].sort(([a], [b]) => a - b);
}

/**
 * A quantile of what was measured between two scrapes, in the histogram's unit, linear within a bucket; null where
 * nothing was measured. Above the last bound it is that bound.
 * @param {number} share 0 to 1
 */
export function quantile(before, after, name, share) {
  const old = new Map(buckets(before, name));
  const counts = buckets(after, name).map(([bound, count]) => [bound, count - (old.get(bound) ?? 0)]);
  const all = counts.at(-1)?.[1] ?? 0;
  if (!(all > 0)) return null;
  const at = counts.findIndex(([, count]) => count >= share * all);
  const [lower, below] = at > 0 ? counts[at - 1] : [0, 0];
  const [upper, upTo] = counts[at];
  return upper === Infinity ? lower : lower + ((share * all - below) / (upTo - below)) * (upper - lower);
}
