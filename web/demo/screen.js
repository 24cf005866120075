// One session on the screen: holds its state, draws it each frame at the server's time, and passes on what is pressed.

import { element, mark, write } from '../common/dom.js';
import { explain, isTokenMissing, setToken, watchForReturn } from '../common/service.js';
import { panesOf } from '../common/panes.js';
import { announce, expiryNews, newsBetween, warningNews } from './announcer.js';
import { Clockface } from './clockface.js';
import { Connection } from './connection.js';
import { Controls } from './controls.js';
import { invitePanel } from './invite.js';
import * as sound from './sound.js';

const GONE = {
  4004: 'There is no such session.',
  4001: 'This service asks for a token.',
  4003: 'The token does not allow this session.',
};
const layoutOf = (count) => (count === 1 ? 'one' : count === 2 ? 'two' : 'many');

class Screen {
  state = null;
  #client;
  #sessionId;
  #faces = new Map();
  #connection = new Connection();
  #title = element('h1', { class: 'title' });
  #stage = element('div', { class: 'stage', role: 'group', 'aria-label': 'Clocks' });
  #problem = element('div', { class: 'problem', role: 'alert' });
  #invite;
  #inviteWanted = null; // what somebody chose; else it stands open until the start
  #controls = new Controls(this);
  #return;
  #frame = 0;
  #measured = 0;

  constructor(root, client, sessionId) {
    this.#client = client;
    this.#sessionId = sessionId;
    this.#invite = invitePanel(sessionId);
    this.#invite.hidden = true;
    root.replaceChildren(
      element(
        'div',
        { class: 'screen' },
        element(
          'header',
          { class: 'bar' },
          element('a', { class: 'brand', href: '/#' }, 'SyncKairos'),
          this.#title,
          this.#connection.node,
        ),
        element(
          'main',
          {},
          element('div', { class: 'middle' }, this.#stage, this.#invite),
          this.#problem,
          this.#controls.node,
        ),
      ),
    );
    this.#return = watchForReturn(() => {
      client.disconnect();
      this.#connect();
    });
    this.#listen();
    this.#connect();
    this.#draw();
  }

  #listen() {
    const on = this.#client.on.bind(this.#client);
    on('connected', () => {
      this.#return.found();
      this.#connection.show('connected');
      announce('Connected');
    });
    on('disconnected', ({ willReconnect }) => this.#lost(willReconnect));
    on('connectionFailed', (error) => this.#failed(error));
    on('error', (error) => this.#complain(error));
    on('timeWarning', (payload) => {
      announce(warningNews(this.state, payload));
      sound.play(payload.level);
    });
    on('timeExpired', (payload) => {
      announce(expiryNews(this.state, payload));
      sound.play('expired');
    });
    on('sessionDeleted', () => {
      this.#connection.show('over', 'The session was deleted');
      announce('The session was deleted');
    });
    document.addEventListener('keydown', this.#controls.onkey);
    document.addEventListener('fullscreenchange', this.#refresh);
  }

  #refresh = () => this.#controls.update();

  #connect() {
    this.#client.connectWebSocket(this.#sessionId, (state) => this.#take(state));
  }

  #lost(willReconnect) {
    if (!willReconnect) return;
    this.#connection.show('reconnecting');
    announce('The connection is lost');
    this.#return.lost();
  }

  #gone(code) {
    this.#connection.show('failed', GONE[code]);
    this.#complain(new Error(GONE[code]));
    if (code !== 4004) this.#askForToken();
  }

  #failed(error) {
    if (GONE[error.status]) {
      this.#gone(error.status);
      return;
    }
    this.#connection.show('failed');
    this.#return.lost();
  }

  #take(state) {
    const news = newsBetween(this.state, state);
    announce(news);
    if (news && state.status === 'running') sound.play('switch');
    this.state = state;
    this.#complain(null);
    write(this.#title, state.metadata?.title ? `${state.metadata.title} · ${state.session_id}` : state.session_id);
    document.title = this.#title.textContent;
    this.#arrange(panesOf(state));
    this.#controls.update();
    this.#invite.hidden = !this.invites();
  }

  // The faces of those who stay are kept, so that nothing flickers or loses the reader's place.
  #arrange(panes) {
    mark(this.#stage, 'data-layout', layoutOf(panes.length));
    mark(this.#stage, 'tabindex', panes.length > 2 ? '0' : null); // many may have to be scrolled, also by keyboard
    const featured = panes.find(({ active }) => active) ?? panes[0];
    const faces = panes.map((pane) => {
      const face = this.#faces.get(pane.key) ?? new Clockface(() => this.#press());
      face.update(this.state, pane, pane === featured);
      return [pane.key, face];
    });
    const nodes = faces.map(([, { node }]) => node);
    if (nodes.length !== this.#stage.children.length || nodes.some((node, i) => node !== this.#stage.children[i])) {
      this.#stage.replaceChildren(...nodes);
    }
    this.#faces = new Map(faces);
  }

  // A running clock is a button as large as itself, as on a chess clock.
  #press() {
    if (this.state.status === 'running' && panesOf(this.state).length > 1) this.operate('switchCycle');
  }

  #draw = () => {
    this.#frame = requestAnimationFrame(this.#draw);
    const now = this.#client.getServerTime();
    for (const face of this.#faces.values()) face.draw(now);
    if (now - this.#measured > 500 || now < this.#measured) {
      this.#measured = now;
      this.#connection.measure(this.#client);
    }
  };

  #complain(error) {
    this.#problem.replaceChildren(error ? element('p', { class: 'notice' }, explain(error)) : '');
    if (error && isTokenMissing(error)) this.#askForToken();
  }

  #askForToken() {
    const input = element('input', { type: 'password', required: true, autocomplete: 'off' });
    this.#problem.append(
      element(
        'form',
        {
          class: 'row',
          onsubmit: (event) => {
            event.preventDefault();
            setToken(input.value.trim());
            location.reload();
          },
        },
        element('label', {}, 'Token', input),
        element('button', {}, 'Use it'),
      ),
    );
  }

  invites() {
    return this.#inviteWanted ?? this.state?.status === 'pending';
  }

  toggleInvite() {
    this.#inviteWanted = !this.invites();
    this.#invite.hidden = !this.#inviteWanted;
  }

  /** @param {'startSession' | 'switchCycle' | 'pauseSession' | 'resumeSession' | 'completeSession'} operation */
  async operate(operation) {
    try {
      await this.#client[operation](this.#sessionId);
      this.#complain(null);
    } catch (error) {
      this.#complain(error);
    }
  }

  close() {
    cancelAnimationFrame(this.#frame);
    this.#return.found();
    this.#client.disconnect();
    document.removeEventListener('keydown', this.#controls.onkey);
    document.removeEventListener('fullscreenchange', this.#refresh);
  }
}

/** @returns {() => void} what takes it off the screen */
export function openScreen(root, client, sessionId) {
  const screen = new Screen(root, client, sessionId);
  return () => screen.close();
}
