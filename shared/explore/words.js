// How things are named, and times told: for people, in their own language's format.

import { nameOf } from './names.js';

const DAY = 86_400_000;
// Each unit from twice its length on: 47 hours say more than "tomorrow".
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
// What has no time, by its length: it is the same day in every zone.
const timeless = {
  4: new Intl.DateTimeFormat('en-GB', { year: 'numeric', timeZone: 'UTC' }),
  7: new Intl.DateTimeFormat('en-GB', { ...MONTH, timeZone: 'UTC' }),
  10: new Intl.DateTimeFormat('en-GB', { ...DATE, timeZone: 'UTC' }),
};
const clocks = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

export const VIRTUAL = 'http://terminology.hl7.org/CodeSystem/v3-ActCode|VR';
export const OPEN = ['planned', 'arrived', 'triaged', 'in-progress', 'onleave', 'unknown'];
export const ENDED = ['finished', 'cancelled', 'entered-in-error'];

/** Read a time; a leap second, which a Date does not have, as the one before it. */
export function instant(text) {
  return new Date(typeof text === 'string' ? text.replace(/:60(?=[.Z+-])/, ':59') : text);
}

/** Tell a date with its time where there is one; what is no date stays as it is. */
export function moment(text) {
  const date = instant(text);
  if (!text || Number.isNaN(date.valueOf())) return String(text ?? '');
  return String(text).includes('T') ? `${day(text)}, ${clock(text)}` : day(text);
}

/** Tell from when to when; a day that both share once. */
export function range(start, end) {
  if (!end) return moment(start);
  const isOneDay =
    String(start).includes('T') && String(end).includes('T') && day(start) === day(end);
  return `${moment(start)} to ${isOneDay ? clock(end) : moment(end)}`;
}

/** Tell a date as precisely as it is known. */
export function day(text) {
  return (timeless[text.length] ?? dates).format(instant(text)).replace(',', '');
}

/** Tell the time of a day, where it is known. */
export function clock(text) {
  return text.includes('T') ? clocks.format(instant(text)) : '';
}

/** Tell how long ago, or in how long, something is. */
export function since(text, now = Date.now()) {
  const distance = instant(text) - now;
  if (Number.isNaN(distance)) return '';
  const step = STEPS.find(([, size, least]) => Math.abs(distance) >= least * size);
  if (!step) return 'just now';
  const [unit, size] = step;
  return relative.format(Math.round(distance / size), unit);
}

/** Name a code or a concept. */
export function concept(value) {
  const all = [value].flat().filter(Boolean);
  const coding = (one) => one.coding?.find((each) => each.display) ?? one.coding?.[0] ?? one;
  return all
    .map((one) => one.text || coding(one).display || coding(one).code || '')
    .filter(Boolean)
    .join(', ');
}

/** Name whom or what a reference is to: by the directory first, since anybody may write display. */
export function named(reference) {
  const { display, reference: literal, identifier } = reference ?? {};
  return nameOf(literal) || display || literal || identifier?.value || '';
}

/** Name whom a session is about. */
export function about(encounter) {
  return named(encounter.subject) || 'Several patients';
}

/** Name who takes part, beside the patients. */
export function people(encounter) {
  return (encounter.participant ?? []).map((one) => named(one.individual)).filter(Boolean);
}

/** Give when an Encounter began. */
export function begun(encounter) {
  const first = encounter.statusHistory?.[0]?.period?.start;
  return encounter.period?.start ?? first ?? encounter.meta?.lastUpdated;
}

/** Tell since when a session is open, or when it begins. */
export function age(encounter) {
  const start = begun(encounter);
  if (instant(start) > Date.now()) return `begins ${since(start)}`;
  return `${encounter.status === 'planned' ? 'planned' : 'opened'} ${since(start)}`;
}

/** Count things. */
export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}
