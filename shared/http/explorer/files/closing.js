// When sessions close automatically, and closing one by hand.

import { each, post } from './api.js';
import { announce, fill, make, told } from './dom.js';
import { refusal } from './refusal.js';
import { roles } from './signin.js';
import { about, moment, since } from './words.js';

const CLOSERS = ['admin', 'practitioner'];

/** Return whether to offer the button; whether the user may close a session, the API decides. */
export function mayClose() {
  const named = roles();
  return named.every((role) => !role) || named.some((role) => CLOSERS.includes(role));
}

/** Return in words when each open session closes, in the order of the references. */
export async function closingOf(references) {
  const answers = await each(references.map((reference) => `${reference}/$closing`));
  return answers.map(words);
}

function words(answer) {
  const parts = new Map((answer?.parameter ?? []).map((part) => [part.name, part]));
  const at = parts.get('closes')?.valueInstant;
  if (!answer) return '';
  if (!at) return 'only by hand';
  return new Date(at) > Date.now() ? `${moment(at)} (${since(at)})` : 'any moment now';
}

/** Return the button that closes a session, with its dialog; the page is rendered again after. */
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
      'This closes the session of ',
      told(about(session)),
      ' and its medical encounters.',
    ),
    outcome,
    make('div', { class: 'choice' }, no, yes),
  ];
}
