// One session on the screen: holds its state, draws it each frame at the server's time, and passes on what is pressed.

import { element, mark, reveal, write } from '../common/dom.js';
import { panesOf } from '../common/panes.js';
import { announce, expiryNews, newsBetween, warningNews } from './announcer.js';
import { Clockface } from './clockface.js';
import { Connection } from './connection.js';
import { Controls } from './controls.js';
import { invitePanel } from './invite.js';
import * as sound from './sound.js';
import { Trouble } from './trouble.js';

const NO_SUCH_SESSION = 4004; // a close code
const MEASURE_MS = 500;

const layoutOf = (count) => (count === 1 ? 'one' : count === 2 ? 'two' : 'many');

class Screen {
  state = null; // null until there is one, and when the session is gone
  #client;
  #sessionId;
  #faces = new Map();
  #connection = new Connection();
  #title = element('h1', { class: 'title', tabindex: -1 });
  #stage = element('div', { class: 'stage', role: 'group', 'aria-label': 'Clocks', tabindex: -1 });
  #doubt = element('p', { class: 'doubt', hidden: true });
  #trouble = new Trouble(this.#stage, () => this.#connect());
  #invite;
  #inviteWanted = null; // what somebody chose; else it stands open until the start
  #waiting = null; // the operation under way, and the state that it is to change
  #controls = new Controls(this);
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
          this.#doubt,
          element('div', { class: 'middle' }, this.#stage, this.#invite),
          this.#trouble.node,
          this.#controls.node,
        ),
        this.#controls.help,
      ),
    );
    this.#call(sessionId);
    this.#listen();
    this.#connect();
    this.#draw();
  }

  #listen() {
    const on = this.#client.on.bind(this.#client);
    on('connected', () => {
      this.#connection.show('connected');
      this.#trouble.recover();
      announce('Connected');
    });
    on('disconnected', ({ willReconnect }) => willReconnect && announce('The connection is lost'));
    on('reconnecting', () => {
      this.#connection.show('reconnecting');
      this.#setDoubt('No connection');
    });
    on('connectionFailed', (error) => this.#failed(error));
    on('sessionDeleted', () => this.#gone('The session was deleted.'));
    on('error', (error) => {
      if (error.code === 'SESSION_NOT_FOUND') this.#gone('The service does not know this session any more.');
      else this.complain(error);
    });
    on('timeWarning', (payload) => {
      announce(warningNews(this.state, payload));
      sound.play(payload.level);
    });
    on('timeExpired', (payload) => {
      announce(expiryNews(this.state, payload));
      sound.play('expired');
    });
    for (const name of ['online', 'offline']) window.addEventListener(name, this.#network);
  }

  #connect() {
    this.#connection.show('connecting');
    this.#client.connectWebSocket(this.#sessionId, (state) => this.#take(state));
  }

  #failed(error) {
    this.#connection.show('failed');
    if (error.status === NO_SUCH_SESSION) this.#halt();
    else this.#setDoubt(this.state && 'Not connected');
    this.#trouble.end(error);
  }

  #gone(text) {
    this.#connection.show('over');
    this.#halt();
    this.#trouble.gone(text);
  }

  // Nobody keeps these clocks any more: they stand, and nothing can be done to them.
  #halt() {
    this.state = null;
    this.#setDoubt(null);
    mark(this.#stage, 'data-halted', '');
    this.#showInvite(false);
    this.#controls.update();
  }

  // The id is in use again, and told over the connection that stayed.
  #revive() {
    mark(this.#stage, 'data-halted', null);
    this.#connection.show('connected');
    this.#trouble.recover();
  }

  // While nothing is told, the clocks run on as far as they were known, which may be wrong.
  #setDoubt(text) {
    mark(this.#stage, 'data-stale', text && '');
    this.#doubt.hidden = text === null;
    write(this.#doubt, this.state ? `${text}: these clocks may be out of date` : (text ?? ''));
  }

  // The browser knows of a lost network long before the silence tells. Whether its return saved the connection, the
  // client finds out by itself.
  #network = () => {
    if (!navigator.onLine) {
      this.#connection.show('reconnecting', 'No network');
      this.#setDoubt('This device has no network');
    } else if (this.#client.status === 'connected') {
      this.#connection.show('connected');
      this.#setDoubt(null);
    }
  };

  #take(state) {
    const news = newsBetween(this.state, state);
    announce(news);
    if (news && state.status === 'running') sound.play('switch');
    const byOthers = this.#waiting === null;
    if (byOthers && this.state && this.state.status !== state.status) this.#controls.hold();
    this.state = state;
    if (this.#client.status === 'connected') this.#setDoubt(null);
    if (this.#stage.hasAttribute('data-halted')) this.#revive();
    this.#trouble.settle();
    this.#call(state.metadata?.title ? `${state.metadata.title} · ${state.session_id}` : state.session_id);
    this.#arrange(panesOf(state));
    this.#controls.update();
    this.#showInvite(this.invites());
  }

  #call(title) {
    write(this.#title, title);
    document.title = title;
  }

  // The faces of those who stay are kept, so that nothing flickers or loses the reader's place.
  #arrange(panes) {
    mark(this.#stage, 'data-layout', layoutOf(panes.length));
    mark(this.#stage, 'tabindex', panes.length > 2 ? '0' : '-1'); // many may have to be scrolled, also by keyboard
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
    if (this.state?.status === 'running' && panesOf(this.state).length > 1) this.operate('switchCycle');
  }

  #draw = () => {
    this.#frame = requestAnimationFrame(this.#draw);
    const now = this.#client.getServerTime();
    if (this.state) for (const face of this.#faces.values()) face.draw(now);
    if (now - this.#measured > MEASURE_MS || now < this.#measured) {
      this.#measured = now;
      this.#connection.measure(this.#client);
    }
  };

  /** What has the focus when it was in something that goes. */
  get refuge() {
    return this.#stage;
  }

  complain(error) {
    this.#trouble.complain(error);
  }

  invites() {
    return this.#inviteWanted ?? this.state?.status === 'pending';
  }

  toggleInvite() {
    this.#inviteWanted = !this.invites();
    this.#showInvite(this.#inviteWanted);
  }

  #showInvite(visible) {
    reveal(this.#invite, visible, this.refuge);
  }

  showKeys() {
    this.#controls.help.showModal();
  }

  /** Whether an operation on this very state is under way. */
  isWaiting() {
    return this.#waiting !== null && this.#waiting.state === this.state;
  }

  /**
   * Pressed again before there is another state, it is the same press.
   * @param {'startSession' | 'switchCycle' | 'pauseSession' | 'resumeSession' | 'completeSession'} operation
   */
  async operate(operation) {
    if (this.isWaiting() && this.#waiting.operation === operation) return;
    const waiting = { operation, state: this.state };
    this.#waiting = waiting;
    this.#controls.update();
    try {
      await this.#client[operation](this.#sessionId);
      this.#trouble.clear();
    } catch (error) {
      this.complain(error);
    } finally {
      if (this.#waiting === waiting) this.#waiting = null;
      this.#controls.update();
    }
  }

  close() {
    cancelAnimationFrame(this.#frame);
    for (const name of ['online', 'offline']) window.removeEventListener(name, this.#network);
    this.#controls.close();
    this.#client.disconnect();
  }
}

/** @returns {() => void} what takes it off the screen */
export function openScreen(root, client, sessionId) {
  const screen = new Screen(root, client, sessionId);
  return () => screen.close();
}
