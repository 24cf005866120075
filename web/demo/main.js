// The demo: the address says which session is on the screen, and without one the page offers to make one.

import { ignoreHeldKeys } from '../common/press.js';
import { newClient } from '../common/service.js';
import { openHome } from './home.js';
import { openScreen } from './screen.js';

const root = document.getElementById('app');
let close = () => {};

function route() {
  close();
  const sessionId = new URLSearchParams(location.hash.slice(1)).get('session');
  close = () => {};
  if (sessionId) close = openScreen(root, newClient(), sessionId);
  else
    openHome(root, newClient(), (id) => {
      location.hash = new URLSearchParams({ session: id }).toString();
    });
}

// What had the focus goes with the view that it was in.
window.addEventListener('hashchange', () => {
  route();
  root.querySelector('h1').focus({ preventScroll: true });
});
ignoreHeldKeys(document);
route();
