// The page: it shows who is signed in, and the view that the address names.

import { announce, fill, make, told, up } from './dom.js';
import { forgetNames, learn, nameOf } from './names.js';
import { refusal } from './refusal.js';
import * as session from './session.js';
import * as sessions from './sessions.js';
import * as signin from './signin.js';
import * as thread from './thread.js';

const main = document.getElementById('main');
const person = document.getElementById('person');
const VIEWS = { __proto__: null, '': sessions, session, thread };

/** Show the view that the address names, or the sign-in. */
async function show() {
  announce('');
  fill(person, signin.token() && whoever());
  if (signin.token()) return showView();
  signin.show(main, show);
  return begin(signin);
}

async function showView() {
  const [name, ...given] = window.location.hash.replace(/^#\/?/, '').split('/');
  const ids = given.map(encodeURIComponent);
  const wanted = VIEWS[name] ?? sessions;
  const view = make('div', {});
  fill(main, view);
  try {
    const shown = wanted.show(view, ...ids);
    begin(wanted);
    await shown;
    // A view that replaced its heading has lost the focus.
    if (view.isConnected && document.activeElement === document.body) begin(wanted);
    await learn([{ reference: signin.claims().fhirUser }]);
    person.querySelector('bdi')?.replaceChildren(who());
  } catch (error) {
    fill(view, make('h1', { tabindex: '-1' }, 'This cannot be shown'), refusal(error), up());
    if (view.isConnected) begin(wanted);
  }
}

/** Focus the heading and set the title, which names nobody: the browser's history keeps it. */
function begin({ NAME }) {
  main.querySelector('h1').focus();
  document.title = `${NAME} · Async Encounters`;
}

function whoever() {
  return [
    told(who()),
    make('button', { type: 'button', class: 'quiet', onclick: show }, 'Refresh'),
    make('button', { type: 'button', class: 'quiet', onclick: () => signin.forget() }, 'Sign out'),
  ];
}

function who() {
  const { fhirUser, username, sub } = signin.claims();
  return nameOf(fhirUser) || fhirUser || username || sub || 'Signed in';
}

window.addEventListener('hashchange', show);
window.addEventListener('changed', show);
window.addEventListener('signed-out', forgetNames);
window.addEventListener('signed-out', show);
await signin.returned();
await show();
