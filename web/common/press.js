// Tells a press from its echo.

const ECHO_MS = 300;

let last = -Infinity;

/**
 * Whether a click was meant by itself. The second half of a double click is not: it would end the cycle that the first
 * half began.
 * @param {MouseEvent} event
 */
export function isPress(event) {
  const echo = event.detail > 1 && event.timeStamp - last < ECHO_MS;
  last = event.timeStamp;
  return !echo;
}

/**
 * Lets a key that is held press a button below this node once only.
 * @param {Node} root
 */
export function ignoreHeldKeys(root) {
  root.addEventListener('keydown', (event) => {
    const presses = event.key === 'Enter' || event.key === ' ';
    if (event.repeat && presses && event.target.closest('button')) event.preventDefault();
  });
}
