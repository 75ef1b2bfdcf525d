// Names of things, and times in words, for people.

import { nameOf } from './names.js';

const DAY = 86_400_000;
// The units of relative times, each used from a multiple of its length on: "in 47 hours" says more
// than "tomorrow".
const STEPS = [
  ['year', 365 * DAY, 2],
  ['month', 30 * DAY, 2],
  ['day', DAY, 2],
  ['hour', DAY / 24, 2],
  ['minute', DAY / 1440, 1],
];
const relative = new Intl.RelativeTimeFormat('en');
const MONTH = { month: 'short', year: 'numeric' };
const DATE = { weekday: 'short', day: 'numeric', ...MONTH };
const dates = new Intl.DateTimeFormat('en-GB', DATE);
// Formats of dates without a time, by the length of their text: the same day in every zone.
const timeless = {
  4: new Intl.DateTimeFormat('en-GB', { year: 'numeric', timeZone: 'UTC' }),
  7: new Intl.DateTimeFormat('en-GB', { ...MONTH, timeZone: 'UTC' }),
  10: new Intl.DateTimeFormat('en-GB', { ...DATE, timeZone: 'UTC' }),
};
const clocks = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

export const VIRTUAL = 'http://terminology.hl7.org/CodeSystem/v3-ActCode|VR';
export const OPEN = ['planned', 'arrived', 'triaged', 'in-progress', 'onleave', 'unknown'];
export const ENDED = ['finished', 'cancelled', 'entered-in-error'];

/** Return a Date; a leap second, which a Date cannot hold, becomes the second before it. */
export function instant(text) {
  return new Date(typeof text === 'string' ? text.replace(/:60(?=[.Z+-])/, ':59') : text);
}

/** Return a date with its time, if it has one; a text that is no date stays as it is. */
export function moment(text) {
  const date = instant(text);
  if (!text || Number.isNaN(date.valueOf())) return String(text ?? '');
  return String(text).includes('T') ? `${day(text)}, ${clock(text)}` : day(text);
}

/** Return a range of times; a day that both ends share is named once. */
export function range(start, end) {
  if (!end) return moment(start);
  const isOneDay =
    String(start).includes('T') && String(end).includes('T') && day(start) === day(end);
  return `${moment(start)} to ${isOneDay ? clock(end) : moment(end)}`;
}

/** Return a date with the precision that it has. */
export function day(text) {
  return (timeless[text.length] ?? dates).format(instant(text)).replace(',', '');
}

/** Return the time of day, or an empty string if it is not known. */
export function clock(text) {
  return text.includes('T') ? clocks.format(instant(text)) : '';
}

/** Return how long ago, or in how long, something is. */
export function since(text, now = Date.now()) {
  const distance = instant(text) - now;
  if (Number.isNaN(distance)) return '';
  const step = STEPS.find(([, size, least]) => Math.abs(distance) >= least * size);
  if (!step) return 'just now';
  const [unit, size] = step;
  return relative.format(Math.round(distance / size), unit);
}

/** Return the text of a code or a concept, or of several. */
export function concept(value) {
  const all = [value].flat().filter(Boolean);
  const coding = (one) => one.coding?.find((each) => each.display) ?? one.coding?.[0] ?? one;
  return all
    .map((one) => one.text || coding(one).display || coding(one).code || '')
    .filter(Boolean)
    .join(', ');
}

/** Return the name of a reference's target. The directory precedes what its author displays. */
export function named(reference) {
  const { display, reference: literal, identifier } = reference ?? {};
  // Of a URI of somebody who is not known, the number or the address.
  const logical = identifier?.value?.replace(/^(tel|mailto):/, '');
  return nameOf(literal) || display || literal || logical || '';
}

/** Return the name of the patient that a session is about. */
export function about(encounter) {
  return named(encounter.subject) || 'Several patients';
}

/** Return the names of the participants other than the patients. */
export function people(encounter) {
  return (encounter.participant ?? []).map((one) => named(one.individual)).filter(Boolean);
}

/** Return when an Encounter began. */
export function begun(encounter) {
  const first = encounter.statusHistory?.[0]?.period?.start;
  return encounter.period?.start ?? first ?? encounter.meta?.lastUpdated;
}

/** Return since when a session has been open, or when it begins. */
export function age(encounter) {
  const start = begun(encounter);
  if (instant(start) > Date.now()) return `begins ${since(start)}`;
  return `${encounter.status === 'planned' ? 'planned' : 'opened'} ${since(start)}`;
}

/** Return a number with its noun, in the singular or plural. */
export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}
