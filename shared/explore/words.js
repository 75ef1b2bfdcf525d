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
const dates = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
});
const clocks = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

export const VIRTUAL = 'http://terminology.hl7.org/CodeSystem/v3-ActCode|VR';
export const OPEN = ['planned', 'arrived', 'triaged', 'in-progress', 'onleave', 'unknown'];
export const ENDED = ['finished', 'cancelled', 'entered-in-error'];

/** Tell a date with its time where there is one; what is no date stays as it is. */
export function moment(text) {
  const date = new Date(text);
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

export function day(text) {
  return dates.format(new Date(text)).replace(',', '');
}

export function clock(text) {
  return clocks.format(new Date(text));
}

/** Tell how long ago, or in how long, something is. */
export function since(text, now = Date.now()) {
  const distance = new Date(text) - now;
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

/** Name whom or what a reference is to. */
export function named(reference) {
  const { display, reference: literal, identifier } = reference ?? {};
  return display || nameOf(literal) || literal || identifier?.value || '';
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
  if (new Date(start) > Date.now()) return `begins ${since(start)}`;
  return `${encounter.status === 'planned' ? 'planned' : 'opened'} ${since(start)}`;
}

/** Count things. */
export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}
