/** Every call of `fhirclient` (fhirclient.js) for these types, as a server-side SMART app makes it. */
import smart from 'fhirclient';
import {
  BUNDLES,
  FHIR_BASE,
  READ,
  SEARCH,
  SIGN_IN,
  TOKEN_ADMIN,
  WRITE,
  bundle,
  entry,
  found,
  header,
  ids,
  introduce,
  link,
  message,
  play,
  refused,
  session,
  statuses,
  unique,
} from '../steps.mjs';

introduce('fhirclient.js', 'fhirclient');

/** What the client wants of a web server: the request that came, and a place to send it to. */
const request = { url: '/launch', headers: { host: 'app.example.org' }, socket: {} };
const sentTo = [];
const response = { writeHead: (_status, headers) => sentTo.push(headers.location), end() {} };
const kept = new Map();
const storage = {
  get: async (key) => kept.get(key),
  set: async (key, value) => kept.set(key, value),
  unset: async (key) => kept.delete(key),
};
const app = smart(request, response, storage);

// Discovering, signing in.
await play(
  SIGN_IN,
  'authorize',
  async () => {
    await app.authorize({
      iss: FHIR_BASE,
      clientId: 'app',
      scope: 'openid profile launch/patient patient/*.rs',
      redirectUri: 'callback',
    });
    return new URL(sentTo[0]).searchParams;
  },
  (asked) =>
    asked.get('response_type') === 'code' &&
    asked.get('client_id') === 'app' &&
    asked.get('code_challenge_method') === 'S256',
);
const client = app.client({ serverUrl: FHIR_BASE, tokenResponse: { access_token: TOKEN_ADMIN } });
await play(
  SIGN_IN,
  'client',
  () => client.request('Encounter?_count=1'),
  (answer) => answer.type === 'searchset',
);
await play(
  SIGN_IN,
  'getFhirVersion',
  () => client.getFhirVersion(),
  (version) => version === '4.0.1',
);
await play(
  SIGN_IN,
  'getFhirRelease',
  () => client.getFhirRelease(),
  (release) => release === 4,
);

// Writing.
const visit = await play(
  WRITE,
  'create',
  () => client.create(session()),
  (made) => made.meta.versionId === '1',
);
const thread = await client.create(header());
const delivery = unique();
const sms = message(thread, 'It itches again.', { identifier: delivery.identifier });
const ifNoneExist = { headers: { 'If-None-Exist': delivery.query } };
const first = await play(
  WRITE,
  'create, with If-None-Exist',
  () => client.create(sms, ifNoneExist),
  (made) => made.id.startsWith(thread.id),
);
await play(
  WRITE,
  'create, with If-None-Exist again',
  () => client.create(sms, { ...ifNoneExist, includeResponse: true }),
  ({ body, response: { status } }) => status === 200 && body.id === first.id,
);
const second = await client.create(
  message(thread, 'Only at night?', { sent: '2026-11-20T09:20:00Z' }),
);
const linked = await play(
  WRITE,
  'patch',
  () => client.patch(`Communication/${thread.id}`, link(visit)),
  (patched) => patched.encounter.reference === `Encounter/${visit.id}`,
);
const ifMatch = { headers: { 'If-Match': `W/"${linked.meta.versionId}"` } };
await play(
  WRITE,
  'update',
  () => client.update({ ...linked, topic: { text: 'Rash' } }, ifMatch),
  (updated) => updated.topic.text === 'Rash',
);
await refused(
  WRITE,
  'update, refused where another wrote meanwhile',
  () => client.update(linked, ifMatch),
  (problem) => problem.status === 412,
);

// Reading.
await play(
  READ,
  'request, of a resource',
  () => client.request(`Encounter/${visit.id}`),
  (read) => read.id === visit.id,
);
await play(
  READ,
  'request, of a version',
  () => client.request(`Communication/${thread.id}/_history/1`),
  (read) => read.meta.versionId === '1',
);
await play(
  READ,
  'request, of a history',
  () => client.request(`Communication/${thread.id}/_history`),
  (history) => history.total === 3,
);
await play(
  READ,
  'request, with resolveReferences',
  () => client.request(`Communication/${thread.id}`, { resolveReferences: 'encounter' }),
  (read) => read.encounter.id === visit.id,
);
await play(
  READ,
  'resolveReferences',
  async () => {
    const copy = structuredClone(linked);
    await client.resolveReferences(copy, ['encounter']);
    return copy;
  },
  (read) => read.encounter.id === visit.id,
);
await play(
  READ,
  'getReferences',
  () => client.getReferences(linked, ['encounter']),
  (read) => read[`Encounter/${visit.id}`].id === visit.id,
);

// Searching.
const ofThread = `Communication?part-of=Communication/${thread.id}&_sort=sent`;
await play(
  SEARCH,
  'request, of a search',
  () => client.request(ofThread),
  (answer) => found(answer) === ids([first, second]),
);
await play(
  SEARCH,
  'request, of a search by POST',
  () =>
    client.request({
      url: 'Communication/_search',
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: ofThread.split('?')[1],
    }),
  (answer) => found(answer) === ids([first, second]),
);
await play(
  SEARCH,
  'request, with pageLimit and flat',
  () => client.request(`${ofThread}&_count=1`, { pageLimit: 0, flat: true }),
  (messages) => ids(messages) === ids([first, second]),
);
await play(
  SEARCH,
  'pages',
  async () => {
    const pages = [];
    for await (const page of client.pages(`${ofThread}&_count=1`)) pages.push(found(page));
    return pages;
  },
  (pages) => pages.join() === ids([first, second]),
);
await play(
  SEARCH,
  'resources',
  async () => {
    const messages = [];
    for await (const one of client.resources(`${ofThread}&_count=1`)) messages.push(one);
    return messages;
  },
  (messages) => ids(messages) === ids([first, second]),
);

// Bundles, operations.
const url = 'urn:uuid:7f1a4f5e-1d0b-4b5e-9a55-0d5b9a0c6a13';
const sent = (path, body) => ({
  url: path,
  method: 'POST',
  headers: { 'Content-Type': 'application/fhir+json' },
  body: JSON.stringify(body),
});
await play(
  BUNDLES,
  'request, of a batch',
  () =>
    client.request(
      sent(
        '',
        bundle(
          'batch',
          entry('GET', `Encounter/${visit.id}`),
          entry('POST', 'Encounter', session()),
          entry('GET', 'Encounter/none'),
        ),
      ),
    ),
  (answer) => statuses(answer) === '200,201,404',
);
await play(
  BUNDLES,
  'request, of a transaction',
  () =>
    client.request(
      sent(
        '',
        bundle(
          'transaction',
          entry('POST', 'Communication', header({ encounter: { reference: url } })),
          entry('POST', 'Encounter', session(), url),
        ),
      ),
    ),
  (answer) => statuses(answer) === '201,201',
);
await play(
  BUNDLES,
  'request, of an operation on a type',
  () => client.request(sent('Encounter/$validate', session())),
  (outcome) => outcome.resourceType === 'OperationOutcome',
);
await play(
  BUNDLES,
  'request, of an operation on an instance',
  () => client.request(`Encounter/${visit.id}/$everything`),
  (answer) => answer.entry.length === 4,
);

// Deleting.
await play(
  WRITE,
  'delete',
  () => client.delete(`Communication/${first.id}`),
  () => true,
);
await refused(
  READ,
  'request, of what is deleted',
  () => client.request(`Communication/${first.id}`),
  (problem) => problem.status === 410,
);
