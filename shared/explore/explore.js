// The page: who is signed in, and which view the address asks for.

import { announce, fill, make, told } from './dom.js';
import { refusal } from './refusal.js';
import * as session from './session.js';
import * as sessions from './sessions.js';
import * as signin from './signin.js';
import * as thread from './thread.js';

const main = document.getElementById('main');
const person = document.getElementById('person');
const VIEWS = { '': sessions, session, thread };

/** Show what the address asks for, and begin reading at its heading. */
async function show() {
  const [name, ...given] = window.location.hash.replace(/^#\/?/, '').split('/');
  fill(person, signin.token() && whoever());
  announce('');
  if (!signin.token()) {
    signin.show(main, show);
    begin();
    return;
  }
  const turn = make('div', {});
  fill(main, turn);
  try {
    const shown = (VIEWS[name] ?? sessions).show(turn, ...given);
    begin();
    await shown;
    if (turn.isConnected && document.activeElement === document.body) begin();
  } catch (error) {
    fill(turn, make('h1', { tabindex: '-1' }, 'Not shown'), refusal(error), back());
    begin();
  }
}

function begin() {
  const heading = main.querySelector('h1');
  heading?.focus();
  document.title = `${heading?.textContent ?? 'Loading'} · Async Encounters`;
}

function back() {
  return make('p', {}, make('a', { href: '#/' }, 'All sessions'));
}

function whoever() {
  const { fhirUser, username, sub } = signin.claims();
  return [
    told(fhirUser || username || sub || 'Signed in'),
    make('button', { type: 'button', class: 'quiet', onclick: show }, 'Refresh'),
    make('button', { type: 'button', class: 'quiet', onclick: () => signin.forget() }, 'Sign out'),
  ];
}

window.addEventListener('hashchange', show);
window.addEventListener('signed-out', show);
await signin.returned();
await show();
