// The page: who is signed in, and which view the address asks for.

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

/** Show what the address asks for, or how to sign in. */
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
    // Where its heading was replaced, the focus went with it.
    if (view.isConnected && document.activeElement === document.body) begin(wanted);
    await learn([{ reference: signin.claims().fhirUser }]);
    person.querySelector('bdi')?.replaceChildren(who());
  } catch (error) {
    fill(view, make('h1', { tabindex: '-1' }, 'Not shown'), refusal(error), up());
    if (view.isConnected) begin(wanted);
  }
}

/** Begin at the heading. The browser's history keeps titles, so that they name nobody. */
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
