// The service's figures and charts, from a scrape of /metrics each few seconds.

import { element, write } from '../common/dom.js';
import { readMetrics } from './api.js';
import { Chart } from './chart.js';
import { parse, quantile, rate, total } from './metrics.js';
import { Schedule } from './schedule.js';

const EVERY_MS = 5000;

// Events of the audit trail in these states; the API leaves the whole series out while it cannot count them.
const queued =
  (...statuses) =>
  (now) =>
    now.has('synckairos_db_write_queue_size')
      ? statuses.reduce((sum, status) => sum + total(now, 'synckairos_db_write_queue_size', { status }), 0)
      : null;

const FIGURES = [
  ['WebSocket connections', (now) => total(now, 'synckairos_websocket_connections')],
  ['Events waiting for PostgreSQL', queued('waiting', 'active')],
  ['Events put off', queued('delayed')],
  ['Events refused', queued('failed')],
  ['Switches since the start', (now) => total(now, 'synckairos_cycle_switches_total')],
  ['Expiries since the start', (now) => total(now, 'synckairos_expiries_total')],
];

// Titles, the histogram, and what makes its unit milliseconds.
const LATENCIES = [
  ['Switch', 'synckairos_cycle_switch_duration_ms', 1],
  ['Request', 'synckairos_http_request_duration_seconds', 1000],
  ['Commit to socket', 'synckairos_broadcast_lag_seconds', 1000],
  ['Lateness of expiries', 'synckairos_timer_lateness_seconds', 1000],
  ['PostgreSQL batch', 'synckairos_audit_write_duration_seconds', 1000],
];

const scaled = (value, factor) => (value === null ? null : value * factor);

export class Figures {
  #values = FIGURES.map(() => element('dd', { class: 'figure' }, '–'));
  #requests = new Chart('Requests', 'a second', ['answered']);
  #latencies = LATENCIES.map(([title]) => new Chart(title, 'ms', ['median', '99 %']));
  #note = element('p', { class: 'soft' });
  #last = null;

  constructor(list, charts) {
    list.append(...FIGURES.map(([name], i) => element('div', {}, element('dt', {}, name), this.#values[i])));
    charts.append(this.#requests.node, ...this.#latencies.map(({ node }) => node), this.#note);
    new Schedule(() => this.#scrape()).within(0);
  }

  async #scrape() {
    try {
      this.#take({ series: parse(await readMetrics()), at: performance.now() });
      write(this.#note, '');
    } catch (error) {
      write(
        this.#note,
        error.status === 403
          ? 'The web server lets only its own host, and the network METRICS_NETWORK, read /metrics.'
          : `No figures: ${error.message}`,
      );
    }
    return EVERY_MS;
  }

  #take(next) {
    const last = this.#last;
    this.#last = next;
    FIGURES.forEach(([, read], i) => write(this.#values[i], read(next.series)?.toLocaleString('en') ?? '–'));
    if (!last) return;
    this.#requests.add([rate(last.series, next.series, 'synckairos_http_requests_total', (next.at - last.at) / 1000)]);
    LATENCIES.forEach(([, name, factor], i) =>
      this.#latencies[i].add(
        [0.5, 0.99].map((share) => scaled(quantile(last.series, next.series, name, share), factor)),
      ),
    );
  }
}
