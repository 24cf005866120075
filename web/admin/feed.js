// Listens to /feed, which tells what becomes of every session, and comes back when the connection is lost.

import { token } from '../common/service.js';

const REFUSED = new Set([4001, 4003]);
const LONGEST_WAIT_MS = 10000;

/**
 * @param {(status: 'connected' | 'lost' | 'refused') => void} onstatus
 * @param {(frame: {type: string, sessionId?: string}) => void} onframe
 */
export function listen(onstatus, onframe) {
  let attempts = 0;
  const open = () => {
    const protocols = token() ? ['synckairos.v1', `bearer.${token()}`] : ['synckairos.v1'];
    const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/feed`, protocols);
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === 'CONNECTED') {
        attempts = 0;
        onstatus('connected');
      }
      onframe(frame);
    };
    socket.onclose = ({ code }) => {
      onstatus(REFUSED.has(code) ? 'refused' : 'lost');
      if (!REFUSED.has(code))
        setTimeout(open, Math.min(LONGEST_WAIT_MS, 500 * 2 ** attempts++) * (0.5 + Math.random() / 2));
    };
  };
  open();
}
