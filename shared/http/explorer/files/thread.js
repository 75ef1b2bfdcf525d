// One thread as a conversation, with the sessions of its messages on a time axis.

import { found, get, next } from './api.js';
import { axis } from './axis.js';
import { channel } from './channel.js';
import { conversation } from './conversation.js';
import { announce, fill, make, told, up } from './dom.js';
import { Marks } from './marks.js';
import { learn } from './names.js';
import { refusal } from './refusal.js';
import { inTime } from './times.js';
import { OPEN, about, concept, count, named, range } from './words.js';

export const NAME = 'Thread';
const PAGE = 50;

/** Show a thread's latest messages, and earlier ones on request. Throws Refused. */
export async function show(main, id) {
  fill(main, make('h1', { tabindex: '-1' }, 'Thread'), make('p', { class: 'quietly' }, 'Loading…'));
  const header = await get(`Communication/${id}`);
  const marks = await Marks.of(header);
  const [overview, below] = [make('div'), make('div')];
  const messages = [];
  let path = `Communication?part-of=Communication/${id}&_sort=-sent&_count=${PAGE}`;

  async function earlier() {
    const page = await get(path);
    const more = found(page).reverse();
    await marks.mark(more);
    await learn([header, ...more, ...marks.sessions.values()]);
    messages.unshift(...more);
    const ordered = inTime(messages);
    path = next(page, path);
    fill(overview, axis(ordered, marks));
    fill(below, path && button, spans(ordered, marks, header));
    announce(count(messages.length, 'message'));
  }

  const button = make('button', { type: 'button' }, 'Show earlier messages');
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      await earlier();
      below.querySelector('.span').focus();
    } catch (error) {
      below.prepend(refusal(error));
    }
    button.disabled = false;
  });
  await earlier();
  fill(main, up(), top(header), overview, below);
}

function top(header) {
  const people = [header.subject, header.sender, ...(header.recipient ?? [])].map(named);
  const title = make('h1', { tabindex: '-1' }, told(concept(header.topic) || 'Thread'));
  return [
    make('div', { class: 'top' }, title, make('span', { class: 'state' }, told(header.status))),
    make('p', { class: 'quietly' }, told([...new Set(people)].filter(Boolean).join(', '))),
    channel(header),
  ];
}

/** Show the messages in parts: consecutive messages of one session form a part. */
function spans(messages, marks, header) {
  const parts = [];
  for (const one of messages) {
    const session = marks.of(one);
    if (!parts.length || parts.at(-1).session !== session) parts.push({ session, members: [] });
    parts.at(-1).members.push(one);
  }
  const seen = new Set();
  return parts.map(({ session, members }) => {
    const heading = title(session, marks.sessions.get(session), seen.has(session));
    seen.add(session);
    const attributes = { class: `span ${session ? 'in' : 'out'}`, tabindex: '-1' };
    return make('section', attributes, heading, conversation(members, [header]));
  });
}

function title(reference, session, isContinued) {
  if (!reference) return make('h2', { class: 'mark' }, 'In no session');
  const { start, end } = session?.period ?? {};
  const name = told(session ? about(session) : reference);
  const state = OPEN.includes(session?.status) ? 'open' : 'ended';
  return make(
    'h2',
    { class: 'mark' },
    make('a', { href: `#/session/${reference.split('/')[1]}` }, 'Session of ', name),
    session && make('span', { class: `state ${state}` }, told(session.status)),
    make('small', {}, isContinued ? 'continued' : start && range(start, end)),
  );
}
