// A world whose time moves only when a test says so: the client's platform, and the WebSockets of a scripted server.

export class FakePlatform {
  mono = 5000;
  wall = 1_790_000_000_000;
  online = new Set(); // handlers of onWake
  requests = []; // {url, init}
  there = true; // the WebSocket's server, for who asks first
  knocks = []; // urls
  answer = async () => { throw new TypeError('no server'); };
  #timers = [];
  #ids = 0;

  now = () => this.mono;
  wallClock = () => this.wall;
  random = () => 0.5;
  fetch = (url, init) => {
    this.requests.push({ url, init });
    return this.answer(url, init, this.requests.length);
  };

  answers = async (url) => {
    this.knocks.push(url);
    return this.there;
  };

  setTimeout = (callback, ms) => {
    this.#timers.push({ id: ++this.#ids, at: this.mono + ms, callback });
    return this.#ids;
  };

  clearTimeout = (id) => {
    this.#timers = this.#timers.filter((timer) => timer.id !== id);
  };

  onWake = (callback) => {
    this.online.add(callback);
    return () => this.online.delete(callback);
  };

  get timers() {
    return this.#timers.length;
  }

  // Both clocks pass; what is due happens at its instant, and promises are kept in between.
  async advance(ms) {
    const end = this.mono + ms;
    await settle();
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at || a.id - b.id)[0];
      const at = due ? Math.max(due.at, this.mono) : end;
      this.wall += at - this.mono;
      this.mono = at;
      if (!due) {
        return;
      }
      this.clearTimeout(due.id);
      due.callback();
      await settle();
    }
  }

  // The device sleeps: nothing runs; the monotonic clock stands still on some devices.
  sleep(ms, { monotonic = true } = {}) {
    this.wall += ms;
    this.mono += monotonic ? ms : 0;
  }
}

export async function settle() {
  for (let i = 0; i < 100; i++) {
    await Promise.resolve();
  }
}

// A class of WebSockets; `sockets` are those made so far, the newest last.
export function fakeSockets() {
  return class FakeWebSocket {
    static sockets = [];
    static get last() { return this.sockets.at(-1); }

    readyState = 0;
    sent = [];

    constructor(url, protocols) {
      Object.assign(this, { url, protocols });
      FakeWebSocket.sockets.push(this);
    }

    send(text) {
      this.sent.push(JSON.parse(text));
      this.onsend?.(JSON.parse(text));
    }

    close() {
      this.readyState = 3;
    }

    // --- the server's side ---

    open() {
      this.readyState = 1;
      this.onopen({});
    }

    say(frame) {
      this.onmessage({ data: typeof frame === 'string' ? frame : JSON.stringify(frame) });
    }

    accept(state = sessionState(), timestamp = 0) {
      this.open();
      this.say({ type: 'CONNECTED', sessionId: state.session_id, timestamp });
      this.say({ type: 'STATE_SYNC', sessionId: state.session_id, timestamp: 0, payload: state });
    }

    end(code, reason = '') {
      this.readyState = 3;
      this.onclose({ code, reason });
    }

    of(type) {
      return this.sent.filter((frame) => frame.type === type);
    }
  };
}

export function sessionState(more = {}) {
  return {
    session_id: 's', status: 'running', version: 2, updated_at_ms: 1000, active_participant_id: 'a',
    active_group_id: null, cycle_number: 1, sync_mode: 'per_participant', time_used_ms: 0, cycle_time_used_ms: 0,
    clock: { running: true, started_at_ms: 1000, deadline_at_ms: 61_000, time_remaining_ms: 60_000,
      time_elapsed_ms: 0, overtime: false, session_deadline_at_ms: null },
    participants: [], warnings_ms: [10_000, 5000, 1000], ...more,
  };
}

export function answer(status, body, headers = {}) {
  return new Response(body === null ? null : JSON.stringify(body), { status, headers });
}
