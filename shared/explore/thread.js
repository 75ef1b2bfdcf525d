// A thread as a conversation, with the sessions that its messages belong to on the time axis.

import { all, each, found, get, next } from './api.js';
import { axis } from './axis.js';
import { conversation } from './conversation.js';
import { announce, fill, make, told } from './dom.js';
import { learn } from './names.js';
import { OPEN, about, concept, count, named, range } from './words.js';

const PAGE = 50;
const MOST_SESSIONS = 40;

/** Show a thread's latest messages, and earlier ones when asked; throws Refused. */
export async function show(main, id) {
  fill(main, make('h1', { tabindex: '-1' }, 'Thread'), make('p', { class: 'quietly' }, 'Loading…'));
  const header = await get(`Communication/${id}`);
  const linked = await links(id);
  const [overview, below] = [make('div', {}), make('div', { class: 'spans' })];
  const state = { messages: [], of: new Map(), sessions: new Map(), path: `Communication?part-of=Communication/${id}&_sort=-sent&_count=${PAGE}` };
  async function earlier() {
    const page = await get(state.path);
    const messages = found(page).reverse();
    await mark(state, id, header, linked, messages);
    state.messages.unshift(...messages);
    await learn([header, ...messages, ...state.sessions.values()]);
    state.path = next(page, state.path);
    fill(overview, axis(state));
    fill(below, more(), spans(state));
    announce(count(state.messages.length, 'message'));
  }
  const more = () => state.path && make('button', { type: 'button', onclick: async () => { await earlier(); main.querySelector('.span')?.focus(); } }, 'Show earlier messages');
  await earlier();
  fill(main, make('p', { class: 'path' }, make('a', { href: '#/' }, 'Sessions')), top(header), overview, below);
}

function top(header) {
  const people = [header.subject, header.sender, ...(header.recipient ?? [])].map(named);
  return [
    make('div', { class: 'top' }, make('h1', { tabindex: '-1' }, told(concept(header.topic) || 'Thread')), make('span', { class: 'state' }, told(header.status))),
    make('p', { class: 'quietly' }, told([...new Set(people)].filter(Boolean).join(', '))),
  ];
}

/** Give the sessions that the header has been linked to, the latest first. */
async function links(id) {
  const versions = await all(`Communication/${id}/_history?_count=100`, 300);
  return [...new Set(versions.map((one) => one.encounter?.reference).filter(Boolean))];
}

/** Find out which of the messages belong to which session. */
async function mark(state, id, header, linked, messages) {
  const sent = messages.map((one) => one.sent).filter(Boolean);
  const beside = sent.length && header.subject?.reference ? await overlapping(header.subject.reference, sent) : [];
  const candidates = [...new Set([...linked, ...beside])].slice(0, MOST_SESSIONS);
  const within = sent.length ? `&sent=ge${sent[0]}&sent=le${sent.at(-1)}` : '';
  const query = `Communication?part-of=Communication/${id}${within}&_elements=id&_count=1000&session=`;
  const pages = await each(candidates.map((one) => query + one));
  const unread = [];
  candidates.forEach((session, index) => {
    const members = pages[index] ? found(pages[index]) : [];
    for (const one of members) state.of.set(one.id, session);
    if (members.length && !state.sessions.has(session)) unread.push(session);
  });
  (await each(unread)).forEach((one, index) => state.sessions.set(unread[index], one));
}

/** Give the patient's sessions at that time: a late message may belong to one never linked. */
async function overlapping(subject, sent) {
  const dates = [sent[0], sent.at(-1)].map((one) => one.slice(0, 10));
  const query = `patient=${subject}&part-of:missing=true&date=ge${dates[0]}&date=le${dates[1]}&_count=${MOST_SESSIONS}`;
  const sessions = await all(`Encounter?${query}`, MOST_SESSIONS).catch(() => []);
  return sessions.map((one) => `Encounter/${one.id}`);
}

/** Show the messages, those of one session after the other in one part. */
function spans({ messages, of, sessions }) {
  const parts = [];
  for (const one of messages) {
    const session = of.get(one.id);
    if (!parts.length || parts.at(-1).session !== session) parts.push({ session, messages: [] });
    parts.at(-1).messages.push(one);
  }
  const seen = new Set();
  return parts.map((part) => {
    const again = seen.has(part.session);
    seen.add(part.session);
    return make('section', { class: `span ${part.session ? 'in' : 'out'}`, tabindex: '-1' }, title(part.session, sessions.get(part.session), again), conversation(part.messages));
  });
}

function title(reference, session, again) {
  if (!reference) return make('h2', { class: 'mark' }, 'In no session');
  const id = reference.split('/')[1];
  const state = session && make('span', { class: `state ${OPEN.includes(session.status) ? 'open' : 'ended'}` }, told(session.status));
  const { start, end } = session?.period ?? {};
  return make(
    'h2',
    { class: 'mark' },
    make('a', { href: `#/session/${id}` }, 'Session of ', told(session ? about(session) : reference)),
    ' ',
    state,
    make('small', {}, again ? 'continued' : start && range(start, end)),
  );
}
