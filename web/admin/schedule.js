// When a job runs: never twice at once, at the pace that it names itself, and sooner when asked.

export class Schedule {
  #job;
  #timer = 0;
  #due = Infinity;
  #run = 0; // the number of the latest run
  #running = false;

  /**
   * @param {(isLatest: () => boolean) => Promise<number>} job never rejects; resolves with the milliseconds until its
   *   next run, Infinity for none. A run that is no longer the latest must change nothing any more.
   */
  constructor(job) {
    this.#job = job;
  }

  /** At the latest in so many milliseconds; a run that goes on is waited for. */
  within(ms) {
    const at = performance.now() + ms;
    if (at >= this.#due) return;
    this.#due = at;
    if (!this.#running) this.#arm();
  }

  /** At once. A run that goes on counts no more. */
  async now() {
    clearTimeout(this.#timer);
    this.#due = Infinity;
    this.#running = true;
    const run = ++this.#run;
    const isLatest = () => run === this.#run;
    const next = await this.#job(isLatest);
    if (!isLatest()) return;
    this.#running = false;
    this.within(next);
    this.#arm();
  }

  /** For good, until somebody asks again. */
  stop() {
    clearTimeout(this.#timer);
    this.#due = Infinity;
    this.#running = false;
    this.#run++;
  }

  #arm() {
    clearTimeout(this.#timer);
    if (this.#due < Infinity) this.#timer = setTimeout(() => this.now(), Math.max(0, this.#due - performance.now()));
  }
}
