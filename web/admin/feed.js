// Listens to /feed, which tells what becomes of every session. Its connection is kept as the client keeps a session's:
// pinged, left when the server is silent, tried again, and looked at anew when the device wakes.

import { absoluteUrl, platform } from '/sdk/platform.js';
import { SessionSocket } from '/sdk/socket.js';
import { Tokens } from '/sdk/tokens.js';
import { RECONNECTION, token } from '../common/service.js';

const ANSWER_MS = 1500; // for a server that a device asks after its sleep

/**
 * @param {object} hooks
 * @param {() => void} hooks.connected once more whenever something may have been missed
 * @param {() => void} hooks.lost with each attempt to have it back
 * @param {(error: Error & {code: string}) => void} hooks.failed nothing more is tried
 * @param {() => void} hooks.news of some session
 * @param {() => void} hooks.woke the device slept, or the page is shown again
 */
export function listen({ connected, lost, failed, news, woke }) {
  const told = {
    connected: () => {
      socket.settle();
      connected();
    },
    reconnecting: lost,
    connectionFailed: failed,
  };
  const socket = new SessionSocket(
    {
      url: absoluteUrl('/feed', 'the feed', ['ws:', 'wss:']).href,
      sessionId: '',
      tokens: new Tokens(token() ?? undefined),
      platform,
      WebSocket,
      ...RECONNECTION,
    },
    {
      emit: (name, payload) => told[name]?.(payload),
      frame: ({ type }) => type !== 'ERROR' && news(),
      resume: () => null,
      sampled: () => {},
      woke: () => {
        socket.ask(ANSWER_MS);
        woke();
      },
    },
  );
  socket.start();
}
