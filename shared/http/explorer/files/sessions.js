// The lists of open and of ended sessions, the latest first.

import { found, get, next } from './api.js';
import { closingOf } from './closing.js';
import { announce, fill, make, told } from './dom.js';
import { learn } from './names.js';
import { refusal } from './refusal.js';
import { ENDED, OPEN, VIRTUAL, about, age, begun, concept, count, people, range } from './words.js';

export const NAME = 'Sessions';
const PAGE = 25;

/** Show both lists. */
export async function show(main) {
  const [open, recent] = [list('Open sessions', OPEN), list('Ended sessions', ENDED)];
  fill(main, make('h1', { tabindex: '-1' }, 'Sessions'), open.section, recent.section);
  await Promise.all([open.more(), recent.more()]);
}

function list(title, statuses) {
  const id = title.split(' ')[0].toLowerCase();
  const items = make('ul', { class: 'sessions' });
  const below = make('div', {});
  const query = `class=${encodeURIComponent(VIRTUAL)}&part-of:missing=true&status=${statuses.join(',')}`;
  let path = `Encounter?${query}&_sort=-date&_count=${PAGE}`;
  async function more() {
    try {
      fill(below, make('p', { class: 'quietly' }, 'Loading…'));
      const page = await get(path);
      const sessions = found(page);
      await learn(sessions);
      const rows = sessions.map(row);
      items.append(...rows);
      path = next(page, path);
      fill(below, foot(items, path, more));
      if (statuses === OPEN) await closings(sessions, rows);
      announce(`${title}: ${count(items.children.length, 'session')}`);
      return rows[0];
    } catch (error) {
      fill(below, refusal(error));
      return null;
    }
  }
  const heading = make('h2', { id }, title);
  return { section: make('section', { 'aria-labelledby': id }, heading, items, below), more };
}

/** Add the time at which it closes to the row of each open session. */
async function closings(sessions, rows) {
  const times = await closingOf(sessions.map((one) => `Encounter/${one.id}`)).catch(() => []);
  times.forEach((time, index) => {
    if (time) rows[index].querySelector('.when').append(make('span', {}, ' · closes ', told(time)));
  });
}

function foot(items, path, more) {
  if (!items.children.length)
    return make('p', { class: 'quietly' }, 'No sessions that you may see.');
  if (!path) return null;
  const further = async () => (await more())?.querySelector('a').focus();
  return make('button', { type: 'button', onclick: further }, 'Show more');
}

function row(session) {
  const reasons = concept(session.reasonCode) || concept(session.serviceType);
  const isOpen = OPEN.includes(session.status);
  const [from, to] = [begun(session), session.period?.end];
  return make(
    'li',
    {},
    make('a', { href: `#/session/${session.id}`, class: 'who' }, told(about(session))),
    make('span', { class: `state ${isOpen ? 'open' : 'ended'}` }, told(session.status)),
    make(
      'span',
      { class: 'what' },
      told([reasons, ...people(session)].filter(Boolean).join(' · ')),
    ),
    make('span', { class: 'when' }, isOpen ? age(session) : range(from, to)),
  );
}
