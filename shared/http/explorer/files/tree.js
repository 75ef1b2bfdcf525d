// The medical encounters of a session as a tree, each with the records that refer to it.

import { make, told } from './dom.js';
import { concept, day, moment, named } from './words.js';

const DATES = [
  'effectiveDateTime',
  'effectiveInstant',
  'performedDateTime',
  'occurrenceDateTime',
  'onsetDateTime',
  'authoredOn',
  'authored',
  'recordedDate',
  'date',
  'issued',
  'enteredDate',
];
const NAMES = ['code', 'medicationCodeableConcept', 'type', 'category'];
const LONGEST = 200;
const TEXTS = ['description', 'summary', 'title', 'questionnaire'];

/** Show the tree; every record is below the Encounter that it refers to, or below the session. */
export function tree(session, others) {
  const children = others.filter((one) => one.resourceType === 'Encounter');
  children.sort((one, other) => named(one.subject).localeCompare(named(other.subject)));
  const records = others.filter((one) => one.resourceType !== 'Encounter');
  const known = new Set(children.map(path));
  const home = (record) => encounters(record).find((one) => known.has(one)) ?? path(session);
  const at = Map.groupBy(records, home);
  if (!others.length) return make('p', { class: 'quietly' }, 'None.');
  return make(
    'ul',
    { class: 'tree' },
    children.map((child) => make('li', {}, encounter(child, records), list(at.get(path(child))))),
    (at.get(path(session)) ?? []).map(record),
  );
}

function path(resource) {
  return `${resource.resourceType}/${resource.id}`;
}

/** Return the Encounters that a record names in `encounter`, `context` or `context.encounter`. */
function encounters({ encounter: own, context }) {
  const named = [own, context, context?.encounter].flat();
  return named.map((one) => one?.reference).filter(Boolean);
}

function list(records) {
  return records && make('ul', {}, records.map(record));
}

function encounter(one, records) {
  const reasons = [...(one.reasonCode ?? []), one.serviceType].map(concept);
  const diagnoses = (one.diagnosis ?? []).map((each) => diagnosis(each.condition, records));
  const about = [...reasons, ...diagnoses].filter(Boolean).join(', ');
  return details(one, named(one.subject) || 'Medical encounter', [about, one.status]);
}

function diagnosis({ display, reference }, records) {
  const condition = records.find((one) => path(one) === reference);
  return display || (condition && line(condition));
}

function record(one) {
  return make(
    'li',
    {},
    details(one, line(one), [value(one), one.status ?? concept(one.clinicalStatus), when(one)]),
  );
}

function details(resource, title, more) {
  const beside = more.filter(Boolean).join(' · ');
  return make(
    'details',
    {},
    make(
      'summary',
      {},
      make('span', { class: 'kind' }, told(resource.resourceType)),
      ' ',
      make('strong', {}, told(title)),
      beside && make('span', { class: 'beside' }, ' ', told(beside)),
    ),
    make('pre', { tabindex: '0' }, JSON.stringify(resource, null, 2)),
  );
}

/** Return a title for a record of any type, from the element that describes it best. */
function line(one) {
  const coded = NAMES.map((name) => concept(one[name]));
  const written = TEXTS.map((name) => one[name]);
  const document = one.content?.[0]?.attachment?.title;
  const all = [
    document,
    ...coded.slice(0, 2),
    named(one.medicationReference),
    ...written,
    ...coded.slice(2),
  ];
  return all.find(Boolean) || one.id;
}

function value(one) {
  const name = Object.keys(one).find((each) => each.startsWith('value'));
  const parts = (one.component ?? []).map((each) =>
    [concept(each.code), value(each)].filter(Boolean).join(' '),
  );
  const note = plain(one.content?.[0]?.attachment);
  const all = [said(one[name]), ...parts, one.dosageInstruction?.[0]?.text, note];
  return all.filter(Boolean).join(', ');
}

/** Return the beginning of a plain-text note. */
function plain({ contentType, data } = {}) {
  if (!data || !/^text\/plain\b/.test(contentType)) return '';
  try {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.codePointAt(0));
    const text = new TextDecoder().decode(bytes);
    return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  } catch {
    return '';
  }
}

function said(given) {
  if (given == null || typeof given !== 'object') return given == null ? '' : String(given);
  if ('value' in given)
    return [given.comparator, given.value, given.unit ?? given.code]
      .filter((one) => one != null)
      .join(' ');
  return concept(given) || [given.start, given.end].filter(Boolean).map(moment).join(' to ');
}

function when(one) {
  const name = DATES.find((each) => one[each]);
  const start = one.effectivePeriod?.start ?? one.performedPeriod?.start;
  return name || start ? day(one[name] ?? start) : '';
}
