// Short tones for warnings, made by the browser itself. Silent until somebody switches them on.

const TONES = {
  switch: [[660, 0, 0.05]],
  low: [[740, 0, 0.12]],
  critical: [
    [880, 0, 0.1],
    [880, 0.16, 0.1],
  ],
  expired: [
    [520, 0, 0.25],
    [390, 0.27, 0.5],
  ],
};

let context = null;

export const isOn = () => context !== null;

/** Must be called from a click or a key: browsers allow sound only then. */
export function toggle() {
  if (context) context.close();
  context = context ? null : new AudioContext();
  if (context) play('switch');
  return isOn();
}

/** @param {keyof typeof TONES} name */
export function play(name) {
  for (const [frequency, after, length] of context ? TONES[name] : []) {
    const start = context.currentTime + after;
    const oscillator = new OscillatorNode(context, { frequency, type: 'triangle' });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(0.3, start + 0.01);
    gain.gain.exponentialRampToValueAtTime(0.001, start + length);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(start);
    oscillator.stop(start + length);
  }
}
