// When a message was sent, or else received, by the same rules as on the server.

import { instant } from './words.js';

// A device whose clock was never set sends this day or an earlier one.
const UNSET = '1970-01-01';
// Messages with these statuses have not been sent, so they have no time.
const UNSENT = ['preparation', 'not-done'];
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ULID = /(?:^|\.)([0-7][0-9A-HJKMNP-TV-Z]{9})[0-9A-HJKMNP-TV-Z]{16}$/;
// The ULID of a message created without `sent` holds the time of its receipt plus this offset.
const UNDATED = 2 ** 47;

/** Return whether `sent` is present and plausible. */
export function isDated(message) {
  return Boolean(message.sent) && message.sent.slice(0, 10) > UNSET;
}

/** Return when a message was sent, or else received; empty if it has not been sent. */
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

/** Return messages with those without `sent` sorted in; the others keep their order. */
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
