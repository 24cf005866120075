// A page's device, whose clock can be set, and which can sleep: `installDevice` goes into the page before its own
// scripts do, and leaves `window.device` there.

/**
 * @param {number} aheadMs by how much the device's clock is wrong from the start
 */
export function installDevice(aheadMs = 0) {
  const real = {
    now: performance.now.bind(performance),
    Date,
    setTimeout: window.setTimeout.bind(window),
    requestAnimationFrame: window.requestAnimationFrame.bind(window),
    WebSocket,
  };
  let ahead = aheadMs; // of the wall clock
  let lost = 0; // by the monotonic clock, in sleeps
  let asleepSince = null;
  const waiting = []; // for the device to wake
  let frame = { id: NaN, began: NaN };
  const monotonic = () => (asleepSince ?? real.now()) - lost;
  const whenAwake = (act) => (asleepSince === null ? act() : waiting.push(act));

  window.device = {
    /** Milliseconds since 1970, whatever the clocks of the page say. */
    instant: () => performance.timeOrigin + real.now(),
    /** When the drawing of this frame began, in the same. */
    frameBegan: () => performance.timeOrigin + frame.began,
    setClock: (ms) => {
      ahead = ms;
    },
    /** Moves the monotonic clock alone, which no device does. */
    shift: (ms) => {
      lost -= ms;
    },
    /** Nothing runs and nothing arrives until it wakes. */
    sleep: () => {
      asleepSince = real.now();
    },
    /** @param {boolean} counted whether the monotonic clock, and with it all timers, went on meanwhile */
    wake: (counted) => {
      if (!counted) lost += real.now() - asleepSince;
      asleepSince = null;
      for (const act of waiting.splice(0)) act();
    },
  };

  performance.now = monotonic;
  window.Date = class extends real.Date {
    constructor(...given) {
      super(...(given.length ? given : [real.Date.now() + ahead]));
    }
    static now() {
      return real.Date.now() + ahead;
    }
  };
  window.setTimeout = (callback, ms = 0) => {
    const due = monotonic() + ms;
    const end = () =>
      whenAwake(() => {
        const left = due - monotonic();
        if (left > 1) real.setTimeout(end, left);
        else callback();
      });
    return real.setTimeout(end, ms);
  };
  window.requestAnimationFrame = (callback) =>
    real.requestAnimationFrame((id) =>
      whenAwake(() => {
        if (id !== frame.id) frame = { id, began: real.now() };
        callback(monotonic());
      }),
    );
  window.WebSocket = class extends real.WebSocket {
    set onmessage(handler) {
      super.onmessage = (event) => whenAwake(() => handler(event));
    }
    set onclose(handler) {
      super.onclose = (event) => whenAwake(() => handler(event));
    }
  };
}
