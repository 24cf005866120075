// Components over a real client, whose time and server are the test's.

import { act } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';

import { SyncKairosClient } from '@synckairos/client';
import { FakePlatform, fakeSockets, sessionState, settle } from '../../../js/tests/unit/fake-platform.js';

export { answer, sessionState } from '../../../js/tests/unit/fake-platform.js';

const mounted = [];

export function newClient() {
  const platform = new FakePlatform();
  const WebSocket = fakeSockets();
  const client = new SyncKairosClient('http://api', 'ws://relay/ws', { WebSocket, platform });
  return Object.assign(client, { platform, sockets: WebSocket.sockets, asked: [], handlers: 0 }, observed(client));
}

// Counts what is asked of a client.
function observed(client) {
  return {
    connectWebSocket(sessionId) {
      client.asked.push(sessionId);
      SyncKairosClient.prototype.connectWebSocket.call(client, sessionId);
    },
    on(name, handler) {
      const leave = SyncKairosClient.prototype.on.call(client, name, handler);
      client.handlers += 1;
      return () => { client.handlers -= 1; leave(); };
    },
  };
}

export const last = ({ sockets }) => sockets.at(-1);
export const open = ({ sockets }) => sockets.filter((socket) => socket.readyState < 2);

// Whatever happens in it, and what follows from that, is drawn when it is done.
export const happen = (what) => act(async () => {
  await what();
  await settle();
});

export async function mount(element) {
  const container = document.body.appendChild(document.createElement('div'));
  const root = createRoot(container);
  await happen(() => root.render(element));
  return pageOf(root, container);
}

// Takes over what a server has rendered.
export async function hydrate(element, onRecoverableError) {
  const container = document.body.appendChild(document.createElement('div'));
  container.innerHTML = renderToString(element);
  let root;
  await happen(() => { root = hydrateRoot(container, element, { onRecoverableError }); });
  return pageOf(root, container);
}

function pageOf(root, container) {
  mounted.push(root);
  return {
    get text() { return container.textContent; },
    container,
    root,
    render: (next) => happen(() => root.render(next)),
    unmount: () => happen(() => root.unmount()),
  };
}

export async function unmountAll() {
  await happen(() => mounted.splice(0).forEach((root) => root.unmount()));
  document.body.replaceChildren();
}

// Two players, of whom `a` plays.
export function game(more = {}) {
  const player = (id, active) => ({ participant_id: id, participant_index: active ? 0 : 1, group_id: null,
    total_time_ms: 60_000, time_remaining_ms: 60_000, is_active: active, has_expired: false });
  return sessionState({ participants: [player('a', true), player('b', false)], ...more });
}

// The server's time is the device's.
function answerPings({ platform }, socket) {
  socket.onsend = ({ type, timestamp }) => type === 'PING' && queueMicrotask(() => socket.say({ type: 'PONG',
    client_timestamp: timestamp, server_timestamp: platform.wall }));
}

export const accept = (client, state = game()) => happen(async () => {
  answerPings(client, last(client));
  last(client).accept(state);
  await settle();
});

export const update = (client, state) => happen(() => last(client)
  .say({ type: 'STATE_UPDATE', sessionId: state.session_id, timestamp: 0, payload: state }));
