// Messages as a conversation, in the order in which they were sent.

import { attachment } from './attached.js';
import { delivery } from './channel.js';
import { make, prose, told } from './dom.js';
import { inTime, isDated, when } from './times.js';
import { clock, concept, day, named } from './words.js';

const STATUSES = {
  preparation: 'Draft',
  'entered-in-error': 'Retracted',
  'not-done': 'Not sent',
  stopped: 'Stopped',
  'on-hold': 'On hold',
};

/** Show messages under the days on which they were sent or received, or null without messages. */
export function conversation(messages, threads = []) {
  if (!messages.length) return null;
  const topics =
    threads.length > 1
      ? new Map(threads.map((one) => [`Communication/${one.id}`, concept(one.topic)]))
      : new Map();
  const headers = new Map(threads.map((one) => [`Communication/${one.id}`, one]));
  const days = Map.groupBy(inTime(messages), (one) => (when(one) ? day(when(one)) : 'Not sent'));
  return [...days].map(([title, ofDay]) => [
    make('h3', { class: 'day' }, title),
    make(
      'ol',
      { class: 'messages' },
      ofDay.map((one) => {
        const thread = one.partOf[0].reference;
        return message(one, topics.get(thread), delivery(one, headers.get(thread)));
      }),
    ),
  ]);
}

function message(one, topic, state) {
  const sender = one.sender ?? {};
  const cared = /^(Patient|RelatedPerson)\//.test(sender.reference ?? '');
  // Whoever writes by a channel and is not known yet has only a number or an address.
  const theirs = cared || /^(tel|mailto):/.test(sender.identifier?.value ?? '');
  return make(
    'li',
    { class: `message ${theirs ? 'theirs' : 'ours'}` },
    make(
      'p',
      { class: 'from' },
      told(named(one.sender) || 'Unknown'),
      time(one),
      topic && make('span', {}, ' · ', told(topic)),
      !state && STATUSES[one.status] && make('strong', {}, ` ${STATUSES[one.status]}`),
    ),
    make('div', { class: 'bubble' }, (one.payload ?? []).map(part)),
    state && make('p', { class: `delivery ${state.failed ? 'failed' : ''}` }, told(state.text)),
  );
}

function time(one) {
  const at = when(one);
  if (!at) return null;
  return make('time', { datetime: at }, isDated(one) ? '' : ' received', ` ${clock(at)}`);
}

function part(payload) {
  if (payload.contentString != null) return prose(payload.contentString);
  if (payload.contentAttachment) return attachment(payload.contentAttachment);
  return make('p', {}, told(named(payload.contentReference)));
}
