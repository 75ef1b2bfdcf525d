// One session: its facts, its medical encounters and records as a tree, and its conversation.

import { all } from './api.js';
import { closing, closingOf, mayClose } from './closing.js';
import { conversation } from './conversation.js';
import { fill, make, told, up } from './dom.js';
import { learn } from './names.js';
import { tree } from './tree.js';
import { OPEN, about, begun, concept, count, moment, people, range, since } from './words.js';

export const NAME = 'Session';
const MOST = 1000;

/** Show a session. Throws Refused. */
export async function show(main, id) {
  fill(
    main,
    make('h1', { tabindex: '-1' }, 'Session'),
    make('p', { class: 'quietly' }, 'Loading…'),
  );
  const path = `Encounter/${id}`;
  const [resources, [close]] = await Promise.all([
    all(`${path}/$everything?_count=200`, MOST),
    closingOf([path]).catch(() => ['']),
  ]);
  await learn(resources);
  const [session, ...others] = resources;
  const spoken = others.filter((one) => one.resourceType === 'Communication');
  const threads = spoken.filter((one) => !one.partOf);
  const messages = spoken.filter((one) => one.partOf);
  const made = others.filter((one) => one.resourceType !== 'Communication');
  fill(
    main,
    up(),
    top(session),
    facts(session, close),
    part('encounters', 'Medical encounters and records', tree(session, made)),
    part(
      'threads',
      'Threads',
      threads.length ? make('ul', { class: 'plain' }, threads.map(thread)) : none(),
    ),
    part('conversation', 'Conversation', conversation(messages, threads) ?? none()),
    resources.length >= MOST &&
      make(
        'p',
        { class: 'notice' },
        `Only the first ${MOST} entries are shown. Open a thread to see all of its messages.`,
      ),
  );
}

function top(session) {
  const isOpen = OPEN.includes(session.status);
  return make(
    'div',
    { class: 'top' },
    make('h1', { tabindex: '-1' }, told(about(session))),
    make('span', { class: `state ${isOpen ? 'open' : 'ended'}` }, told(session.status)),
    isOpen && mayClose() && closing(session),
  );
}

function facts(session, close) {
  const isOpen = OPEN.includes(session.status);
  const { start, end } = session.period ?? {};
  const rows = [
    ['About', [session.reasonCode, session.serviceType].map(concept).filter(Boolean).join(', ')],
    ['Taking part', people(session).join(', ')],
    ['Opened', `${moment(begun(session))}${isOpen ? ` (${since(begun(session))})` : ''}`],
    ['Closes', isOpen ? close : ''],
    ['First and last message', !isOpen && start ? range(start, end) : ''],
    ['Length', session.length && `${session.length.value} ${session.length.unit ?? ''}`],
  ];
  const shown = rows.filter(([, value]) => value);
  return make(
    'dl',
    { class: 'facts' },
    shown.map(([name, value]) =>
      make('div', {}, make('dt', {}, name), make('dd', {}, told(value))),
    ),
  );
}

function part(id, title, content) {
  return make('section', { 'aria-labelledby': id }, make('h2', { id }, title), content);
}

function none() {
  return make('p', { class: 'quietly' }, 'None.');
}

function thread(header) {
  const topic = concept(header.topic) || 'Thread';
  const with_ = count((header.recipient ?? []).length, 'participant');
  return make(
    'li',
    {},
    make('a', { href: `#/thread/${header.id}` }, told(topic)),
    ` · ${header.status} · ${with_}`,
  );
}
