// When a message was sent, or else when it was received: the server counts it by the same rules.

import { instant } from './words.js';

// A clock that was never set shows this day, or one before it.
const UNSET = '1970-01-01';
// What has not been sent has no time at all.
const UNSENT = ['preparation', 'not-done'];
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ULID = /(?:^|\.)([0-7][0-9A-HJKMNP-TV-Z]{9})[0-9A-HJKMNP-TV-Z]{16}$/;
// The id of a message that was created without `sent` tells the time of its receipt above this.
const UNDATED = 2 ** 47;

/** Tell whether `sent` says when a message was sent. */
export function isDated(message) {
  return Boolean(message.sent) && message.sent.slice(0, 10) > UNSET;
}

/** Return when a message was sent, else when it was received; empty if it was not sent yet. */
export function when(message) {
  if (isDated(message)) return message.sent;
  if (UNSENT.includes(message.status)) return '';
  return message.received ?? (created(message.id) || (message.meta?.lastUpdated ?? ''));
}

function created(id) {
  const letters = ULID.exec(id)?.[1] ?? '';
  const time = [...letters].reduce((value, one) => value * 32 + LETTERS.indexOf(one), 0);
  return time >= UNDATED ? new Date(time - UNDATED).toISOString() : '';
}

/** Put messages that do not say when they were sent among the others; these keep their order. */
export function inTime(messages) {
  const ordered = messages.filter(isDated);
  const others = messages.filter((one) => !isDated(one));
  const time = (one) => (when(one) ? instant(when(one)).valueOf() : Infinity);
  for (const one of others) {
    const later = ordered.findIndex((each) => time(each) > time(one));
    ordered.splice(later < 0 ? ordered.length : later, 0, one);
  }
  return ordered;
}
