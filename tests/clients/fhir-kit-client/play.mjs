/** Every call of `fhir-kit-client` for these types. */
import { Client } from 'fhir-kit-client';
import {
  BUNDLES,
  FHIR_BASE,
  READ,
  SEARCH,
  SIGN_IN,
  TOKEN_ADMIN,
  TOKEN_URL,
  WRITE,
  bundle,
  entry,
  found,
  header,
  ids,
  introduce,
  link,
  message,
  picture,
  play,
  refused,
  session,
  statuses,
  unique,
} from '../steps.mjs';

introduce('fhir-kit-client');
const client = new Client({ baseUrl: FHIR_BASE });

// Discovering, signing in.
await play(
  SIGN_IN,
  'smartAuthMetadata',
  () => client.smartAuthMetadata(),
  (found) => found.tokenUrl.href === TOKEN_URL && found.authorizeUrl,
);
await play(
  SIGN_IN,
  'capabilityStatement',
  () => client.capabilityStatement(),
  (statement) => statement.fhirVersion === '4.0.1',
);
client.bearerToken = TOKEN_ADMIN;
await play(
  SIGN_IN,
  'bearerToken',
  () => client.request('Encounter?_count=1'),
  (answer) => answer.type === 'searchset',
);

// Writing.
const visit = await play(
  WRITE,
  'create',
  () => client.create({ resourceType: 'Encounter', body: session() }),
  (made) => made.meta.versionId === '1',
);
const thread = await client.create({ resourceType: 'Communication', body: header() });
const delivery = unique();
const sms = {
  resourceType: 'Communication',
  body: message(thread, 'It itches again.', { identifier: delivery.identifier }),
};
const ifNoneExist = { options: { headers: { 'If-None-Exist': delivery.query } } };
const first = await play(
  WRITE,
  'create, with If-None-Exist',
  () => client.create({ ...sms, ...ifNoneExist }),
  (made) => made.id.startsWith(thread.id) && Client.httpFor(made).response.status === 201,
);
await play(
  WRITE,
  'create, with If-None-Exist again',
  () => client.create({ ...sms, ...ifNoneExist }),
  (made) => made.id === first.id && Client.httpFor(made).response.status === 200,
);
await play(
  WRITE,
  'patch',
  () => client.patch({ resourceType: 'Communication', id: thread.id, jsonPatch: link(visit) }),
  (patched) => patched.encounter.reference === `Encounter/${visit.id}`,
);
const linked = await client.read({ resourceType: 'Communication', id: thread.id });
const update = {
  resourceType: 'Communication',
  id: thread.id,
  body: { ...linked, topic: { text: 'Rash' } },
  options: { headers: { 'If-Match': `W/"${linked.meta.versionId}"` } },
};
await play(
  WRITE,
  'update',
  () => client.update(update),
  (updated) => updated.topic.text === 'Rash',
);
await refused(
  WRITE,
  'update, refused where another wrote meanwhile',
  () => client.update(update),
  (problem) => problem.response.status === 412,
);
const upserted = unique();
const second = await play(
  WRITE,
  'update, with searchParams',
  () =>
    client.update({
      resourceType: 'Communication',
      searchParams: { identifier: upserted.query.replace('identifier=', '') },
      body: message(thread, 'Only at night?', {
        identifier: upserted.identifier,
        sent: '2026-11-20T09:20:00Z',
      }),
    }),
  (made) => made.meta.versionId === '1',
);

// Reading.
await play(
  READ,
  'read',
  () => client.read({ resourceType: 'Encounter', id: visit.id }),
  (read) => read.id === visit.id,
);
await play(
  READ,
  'vread',
  () => client.vread({ resourceType: 'Communication', id: thread.id, version: '1' }),
  (read) => read.meta.versionId === '1' && !read.encounter,
);
await play(
  READ,
  'resolve, of a relative reference',
  () => client.resolve({ reference: linked.encounter.reference }),
  (read) => read.id === visit.id,
);
await play(
  READ,
  'resolve, of an absolute reference',
  () => client.resolve({ reference: `${FHIR_BASE}/Encounter/${visit.id}` }),
  (read) => read.id === visit.id,
);
await play(
  READ,
  'history, of a resource',
  () => client.history({ resourceType: 'Communication', id: thread.id }),
  (history) => history.type === 'history' && history.total === 3,
);
await play(
  READ,
  'resourceHistory',
  () => client.resourceHistory({ resourceType: 'Encounter', id: visit.id }),
  (history) => history.entry[0].resource.id === visit.id,
);

// Searching.
const searchParams = { 'part-of': `Communication/${thread.id}`, _sort: 'sent' };
await play(
  SEARCH,
  'search',
  () => client.search({ resourceType: 'Communication', searchParams }),
  (answer) => found(answer) === ids([first, second]),
);
await play(
  SEARCH,
  'search, by POST',
  () =>
    client.search({
      resourceType: 'Communication',
      searchParams,
      options: { postSearch: true },
    }),
  (answer) => found(answer) === ids([first, second]),
);
await play(
  SEARCH,
  'resourceSearch',
  () =>
    client.resourceSearch({
      resourceType: 'Encounter',
      searchParams: { _id: visit.id, _revinclude: 'Communication:encounter' },
    }),
  (answer) => found(answer) === ids([visit, thread]),
);
const page = await client.search({
  resourceType: 'Communication',
  searchParams: { ...searchParams, _count: 1 },
});
const next = await play(
  SEARCH,
  'nextPage',
  () => client.nextPage({ bundle: page }),
  (answer) => found(answer) === second.id,
);
await play(
  SEARCH,
  'prevPage',
  () => client.prevPage({ bundle: next }),
  (answer) => found(answer) === first.id,
);

// What the CapabilityStatement does not have is refused, and says so.
const isNoSuchThing = (problem) =>
  [404, 405].includes(problem.response.status) &&
  problem.response.data.resourceType === 'OperationOutcome';
await refused(
  READ,
  'typeHistory, refused',
  () => client.typeHistory({ resourceType: 'Encounter' }),
  isNoSuchThing,
);
await refused(READ, 'systemHistory, refused', () => client.systemHistory(), isNoSuchThing);
await refused(
  SEARCH,
  'systemSearch, refused',
  () => client.systemSearch({ searchParams: { _type: 'Encounter' } }),
  isNoSuchThing,
);
await refused(
  SEARCH,
  'compartmentSearch, refused',
  () =>
    client.compartmentSearch({
      resourceType: 'Encounter',
      compartment: { resourceType: 'Patient', id: 'homer-simpson' },
    }),
  isNoSuchThing,
);

// Bundles, operations.
const url = 'urn:uuid:7f1a4f5e-1d0b-4b5e-9a55-0d5b9a0c6a12';
await play(
  BUNDLES,
  'batch',
  () =>
    client.batch({
      body: bundle(
        'batch',
        entry('GET', `Encounter/${visit.id}`),
        entry('POST', 'Encounter', session()),
        entry('GET', 'Encounter/none'),
      ),
    }),
  (answer) => statuses(answer) === '200,201,404',
);
await play(
  BUNDLES,
  'transaction',
  () =>
    client.transaction({
      body: bundle(
        'transaction',
        entry('POST', 'Communication', header({ encounter: { reference: url } })),
        entry('POST', 'Encounter', session(), url),
      ),
    }),
  (answer) => statuses(answer) === '201,201',
);
await play(
  BUNDLES,
  'operation, on a type',
  () => client.operation({ name: 'validate', resourceType: 'Encounter', input: session() }),
  (outcome) => outcome.resourceType === 'OperationOutcome',
);
await play(
  BUNDLES,
  'operation, on an instance',
  () =>
    client.operation({
      name: '$everything',
      resourceType: 'Encounter',
      id: visit.id,
      method: 'GET',
    }),
  (answer) => answer.entry.length === 4,
);

// Files.
const photo = picture();
const binary = await play(
  WRITE,
  'create, of a file',
  () =>
    client.create({
      resourceType: 'Binary',
      body: { resourceType: 'Binary', contentType: 'image/png', data: photo.toString('base64') },
    }),
  (made) => made.resourceType === 'Binary' && made.contentType === 'image/png',
);
await play(
  READ,
  'read, of a file',
  () => client.read({ resourceType: 'Binary', id: binary.id }),
  (read) => read.data === photo.toString('base64'),
);

// Deleting.
await play(
  WRITE,
  'delete',
  () => client.delete({ resourceType: 'Communication', id: first.id }),
  () => true,
);
await refused(
  READ,
  'read, of what is deleted',
  () => client.read({ resourceType: 'Communication', id: first.id }),
  (problem) => problem.response.status === 410,
);
