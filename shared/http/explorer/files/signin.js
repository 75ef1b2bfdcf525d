// Sign-in, with a pasted access token or on the sign-in page of the deployment's issuer.
// The token stays in this tab, and never becomes part of an address.

import { fill, make, told } from './dom.js';

const { authorize, base, client, groups, token: tokenUrl } = document.body.dataset;
const [TOKEN, BEGUN, SAID] = ['token', 'sign-in', 'said'];
// A bearer token, perhaps copied with the word Bearer or with spaces around it.
const TAKEN = '\\s*([Bb]earer\\s+)?[\\w.~+\\/=\\-]+\\s*';

export const NAME = 'Sign in';
const kept = window.sessionStorage;

/** Return the token, or an empty string if nobody is signed in. */
export function token() {
  return kept.getItem(TOKEN) ?? '';
}

/** Return the token's claims, for display only: the API decides whether they are valid. */
export function claims() {
  try {
    const payload = token().split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    const bytes = Uint8Array.from(atob(payload), (letter) => letter.codePointAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return {};
  }
}

/** Return the roles that the token names. */
export function roles() {
  const named = claims()[groups] ?? [];
  return Array.isArray(named) ? named.map(String) : String(named).split(/[\s,]+/);
}

/** Sign out, and say why at the next sign-in. */
export function forget(said = '') {
  kept.removeItem(TOKEN);
  if (said) kept.setItem(SAID, said);
  window.dispatchEvent(new Event('signed-out'));
}

/** Complete a sign-in if the sign-in page has just sent the user back. */
export async function returned() {
  const given = new URLSearchParams(window.location.search);
  if (!given.has('state')) return;
  const begun = JSON.parse(kept.getItem(BEGUN) ?? '{}');
  kept.removeItem(BEGUN);
  window.history.replaceState(null, '', window.location.pathname + (begun.place ?? ''));
  try {
    if (given.get('state') !== begun.state)
      throw new Error('The sign-in was started in another tab.');
    if (!given.get('code')) throw new Error(given.get('error_description') ?? given.get('error'));
    kept.setItem(TOKEN, await exchanged(given.get('code'), begun.verifier));
  } catch (error) {
    kept.setItem(SAID, `You are not signed in. ${error.message}`);
  }
}

async function exchanged(code, verifier) {
  const form = {
    grant_type: 'authorization_code',
    client_id: client,
    redirect_uri: here(),
    code,
    code_verifier: verifier,
  };
  const answer = await fetch(tokenUrl, { method: 'POST', body: new URLSearchParams(form) });
  if (!answer.ok) throw new Error(`The issuer answered with status ${answer.status}.`);
  const { access_token: given } = await answer.json();
  if (!given) throw new Error('The issuer returned no token.');
  return given;
}

async function begin() {
  const [state, verifier] = [random(), random()];
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  kept.setItem(BEGUN, JSON.stringify({ state, verifier, place: window.location.hash }));
  const url = new URL(authorize);
  const asked = {
    response_type: 'code',
    client_id: client,
    redirect_uri: here(),
    state,
    aud: base,
    code_challenge: encoded(new Uint8Array(digest)),
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  if (!url.searchParams.has('scope')) url.searchParams.set('scope', 'openid profile');
  window.location.assign(url);
}

function here() {
  return window.location.origin + window.location.pathname;
}

function random() {
  return encoded(crypto.getRandomValues(new Uint8Array(32)));
}

function encoded(bytes) {
  const text = btoa(String.fromCodePoint(...bytes));
  return text.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** Show the sign-in; `then` is called once the user has entered a token. */
export function show(main, then) {
  const said = kept.getItem(SAID);
  kept.removeItem(SAID);
  const hosted = client && authorize && tokenUrl && window.isSecureContext;
  fill(
    main,
    make(
      'section',
      { class: 'signin' },
      make('h1', { tabindex: '-1' }, 'Sign in'),
      make(
        'p',
        {},
        'You see only what your account may see. Closing this tab signs you out.',
      ),
      said && make('p', { role: 'alert', class: 'notice' }, told(said)),
      hosted &&
        make(
          'button',
          { type: 'button', class: 'main', onclick: begin },
          'Sign in with your account',
        ),
      hosted && make('p', { class: 'or' }, 'or with an access token'),
      form(then),
    ),
  );
}

function form(then) {
  const input = make('input', {
    id: 'token',
    type: 'password',
    required: true,
    pattern: TAKEN,
    title: 'For example eyJraWQ.eyJzdWI.c2lnbmF0',
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-describedby': 'token-help',
  });
  const submitted = (event) => {
    event.preventDefault();
    kept.setItem(TOKEN, input.value.trim().replace(/^Bearer\s+/i, ''));
    then();
  };
  return make(
    'form',
    { onsubmit: submitted },
    make('label', { for: 'token' }, 'Access token'),
    input,
    make(
      'p',
      { id: 'token-help', class: 'help' },
      'The token that your system or your administrator gave you.',
    ),
    make('button', { type: 'submit' }, 'Use this token'),
  );
}
