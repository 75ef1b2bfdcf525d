// The page: who is signed in, and which view the address asks for.

import { fill, make, told } from './dom.js';
import * as sessions from './sessions.js';
import * as signin from './signin.js';

const main = document.getElementById('main');
const person = document.getElementById('person');
const VIEWS = { '': sessions };

/** Show what the address asks for, and begin reading at its heading. */
async function show() {
  const [name, ...given] = window.location.hash.replace(/^#\/?/, '').split('/');
  const view = VIEWS[name] ?? sessions;
  if (!signin.token()) {
    fill(person);
    signin.show(main, show);
  } else {
    fill(person, ...whoever());
    const shown = view.show(main, ...given.map(decodeURIComponent));
    main.querySelector('h1')?.focus();
    await shown;
  }
}

function whoever() {
  const { fhirUser, username, sub } = signin.claims();
  const out = () => signin.forget();
  return [
    told(fhirUser || username || sub || 'Signed in'),
    make('button', { type: 'button', class: 'quiet', onclick: out }, 'Sign out'),
  ];
}

window.addEventListener('hashchange', show);
window.addEventListener('signed-out', show);
await signin.returned();
await show();
