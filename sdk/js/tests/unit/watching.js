// A client that watches session `s`, what it told, and the server's side of its sockets.

import { SyncKairosClient } from '../../src/index.js';
import { FakePlatform, fakeSockets, settle } from './fake-platform.js';

const EVENTS = ['connected', 'disconnected', 'reconnecting', 'connectionFailed', 'error', 'stateUpdate', 'timeExpired',
  'timeWarning', 'sessionDeleted', 'clockSkewDetected'];

export async function watching(options = {}) {
  const platform = new FakePlatform();
  const WebSocket = fakeSockets();
  const client = new SyncKairosClient('http://api', 'ws://relay/ws', { WebSocket, platform, ...options });
  const told = [];
  const states = [];
  EVENTS.forEach((name) => client.on(name, (payload) => told.push([name, payload])));
  client.connectWebSocket('s', (state) => states.push(state));
  await settle();
  const names = () => told.map(([name]) => name).filter((name) => name !== 'stateUpdate');
  const of = (name) => told.filter(([other]) => other === name).map(([, payload]) => payload);
  return { platform, WebSocket, client, told, states, names, of };
}

// Answers a socket's PINGs within the same millisecond, by a server that is `ahead` of the device.
export function answerPings(platform, socket, ahead = 0) {
  socket.onsend = ({ type, timestamp }) => type === 'PING' && queueMicrotask(() => socket.say({ type: 'PONG',
    client_timestamp: timestamp, server_timestamp: platform.wall + ahead }));
}
