/** What the clients written in JavaScript share: they tell of each call of their API that they made. */
import { readFileSync } from 'node:fs';

const typical = new URL('../fixtures/typical/', import.meta.url);

export const SIGN_IN = 'Sign-in and discovery';
export const READ = 'Read';
export const WRITE = 'Write';
export const SEARCH = 'Search';
export const BUNDLES = 'Bundles and operations';

/** The environment that `async-encounters serve` writes. */
export const { FHIR_BASE, TOKEN_ADMIN, TOKEN_URL, CLIENT_ID, CLIENT_SECRET } = process.env;

/** Say who plays, from which package. */
export function introduce(client, name = client) {
  const manifest = readFileSync(`node_modules/${name}/package.json`, 'utf8');
  console.log(JSON.stringify({ client, version: JSON.parse(manifest).version }));
}

/** Make a call, see that what it gives is as it should be, and say that it was made. */
export async function play(group, call, make, isAsItShouldBe) {
  const given = await make();
  if (!isAsItShouldBe(given)) {
    throw new Error(`${call} gave ${JSON.stringify(given)?.slice(0, 2000)}`);
  }
  console.log(JSON.stringify({ group, call }));
  return given;
}

/** See that a call is refused; `isAsItShouldBe` looks at what it throws. */
export function refused(group, call, make, isAsItShouldBe) {
  const caught = async () => {
    try {
      return { unexpected: await make() };
    } catch (problem) {
      return problem;
    }
  };
  return play(group, call, caught, isAsItShouldBe);
}

export function session(changes = {}) {
  return { ...read('session'), ...changes };
}

export function header(changes = {}) {
  return { ...read('header'), ...changes };
}

export function person(changes = {}) {
  return { ...read('patient'), ...changes };
}

/** A picture of one pixel. */
export function picture() {
  const pixel =
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  return Buffer.from(pixel, 'base64');
}

/** An observation of a patient, made during an encounter. */
export function observation(patient, encounter) {
  return {
    ...read('observation'),
    subject: { reference: `Patient/${patient.id}` },
    encounter: { reference: `Encounter/${encounter.id}` },
  };
}

/** A message that only this run has: webhooks name theirs by an identifier. */
export function message(thread, text, changes = {}) {
  return {
    ...read('message'),
    partOf: [{ reference: `Communication/${thread.id}` }],
    payload: [{ contentString: text }],
    ...changes,
  };
}

/** An identifier nobody else has, and the query that finds it. */
export function unique() {
  const identifier = { system: 'urn:example:webhook', value: crypto.randomUUID() };
  return { identifier: [identifier], query: `identifier=${identifier.system}|${identifier.value}` };
}

export function link(encounter) {
  return [{ op: 'add', path: '/encounter', value: { reference: `Encounter/${encounter.id}` } }];
}

export function entry(method, url, resource, fullUrl) {
  return { fullUrl, resource, request: { method, url } };
}

export function bundle(type, ...entries) {
  return { resourceType: 'Bundle', type, entry: entries };
}

export const statuses = (answer) =>
  answer.entry.map((one) => one.response.status.slice(0, 3)).join();
export const ids = (resources) => resources.map((one) => one.id).join();
export const found = (answer) => ids((answer.entry ?? []).map((one) => one.resource));

function read(name) {
  return JSON.parse(readFileSync(new URL(`${name}.json`, typical), 'utf8'));
}
