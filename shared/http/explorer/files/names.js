// Names of people and places from the directory, whatever the references display.

import { all } from './api.js';

const TYPES = [
  'Patient',
  'Practitioner',
  'RelatedPerson',
  'Organization',
  'CareTeam',
  'Group',
  'Location',
];
const MOST = 50;
let known = new Map();

/** Return the name of a reference's target, or an empty string if it has not been read. */
export function nameOf(reference) {
  return known.get(reference) ?? '';
}

/** Read the names that some resources refer to, as far as the user may see them. */
export async function learn(resources) {
  const asked = new Set(
    resources.flatMap((one) => [...referred(one)]).filter((one) => !known.has(one)),
  );
  const by = Map.groupBy(asked, (one) => one.split('/')[0]);
  await Promise.all([...by].map(([type, references]) => read(type, references.slice(0, MOST))));
}

/** Forget all names, even those still being read: the next user may not see them. */
export function forgetNames() {
  known = new Map();
}

function* referred(value) {
  if (!value || typeof value !== 'object') return;
  const [type, id, more] = String(value.reference ?? '').split('/');
  if (!more && TYPES.includes(type) && /^[A-Za-z0-9.-]{1,64}$/.test(id ?? ''))
    yield value.reference;
  for (const part of Object.values(value)) yield* referred(part);
}

async function read(type, references) {
  const ids = references.map((one) => one.split('/')[1]);
  const query = `${type}?_id=${ids.join(',')}&_elements=name&_count=${MOST}`;
  const learned = known;
  const people = await all(query).catch(() => null);
  if (!people) return;
  for (const one of references) learned.set(one, '');
  for (const one of people) learned.set(`${type}/${one.id}`, written(one.name));
}

function written(name) {
  if (typeof name === 'string') return name;
  const usual = name?.find((one) => one.use === 'official') ?? name?.[0] ?? {};
  return usual.text ?? [usual.prefix, usual.given, usual.family].flat().filter(Boolean).join(' ');
}
