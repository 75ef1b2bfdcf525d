// When sessions close by themselves, and closing one by hand.

import { each, post } from './api.js';
import { announce, fill, make, told } from './dom.js';
import { refusal } from './refusal.js';
import { roles } from './signin.js';
import { about, moment, since } from './words.js';

const CLOSERS = ['admin', 'practitioner'];

/** Tell whether to offer closing at all; whether it is done, the API says. */
export function mayClose() {
  const named = roles();
  return named.every((role) => !role) || named.some((role) => CLOSERS.includes(role));
}

/** Give in words when each of some open sessions closes, in their order. */
export async function closingOf(references) {
  const told = await each(references.map((one) => `${one}/$closing`));
  return told.map(words);
}

function words(told) {
  const parts = new Map((told?.parameter ?? []).map((part) => [part.name, part]));
  const at = parts.get('closes')?.valueInstant;
  if (!told) return '';
  if (!at) return 'when somebody closes it';
  return new Date(at) > Date.now() ? `${moment(at)} (${since(at)})` : 'about now';
}

/** Make the button that closes a session, once that is confirmed; the page is then shown anew. */
export function closing(session) {
  const dialog = make('dialog', { 'aria-labelledby': 'close-title' });
  const open = () => {
    fill(dialog, ...question(session, dialog));
    dialog.showModal();
  };
  return [make('button', { type: 'button', onclick: open }, 'Close session'), dialog];
}

function question(session, dialog) {
  const outcome = make('div', {});
  const yes = make('button', { type: 'button', class: 'main' }, 'Close it now');
  yes.addEventListener('click', async () => {
    yes.disabled = true;
    try {
      await post(`Encounter/${session.id}/$close-session`);
    } catch (error) {
      yes.disabled = false;
      fill(outcome, refusal(error));
      return;
    }
    dialog.close();
    window.dispatchEvent(new Event('changed'));
    announce('The session is closed.');
  });
  const no = make(
    'button',
    { type: 'button', autofocus: true, onclick: () => dialog.close() },
    'Keep it open',
  );
  return [
    make('h2', { id: 'close-title' }, 'Close this session?'),
    make(
      'p',
      {},
      'The session of ',
      told(about(session)),
      ' ends now, and its medical encounters with it.',
    ),
    outcome,
    make('div', { class: 'choice' }, no, yes),
  ];
}
