/** Every call of `@medplum/core` for these types, as an application makes it. */
import { MedplumClient } from '@medplum/core';
import {
  BUNDLES,
  CLIENT_ID,
  CLIENT_SECRET,
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
  observation,
  person,
  picture,
  play,
  refused,
  session,
  statuses,
  unique,
} from '../steps.mjs';

const address = { baseUrl: FHIR_BASE.replace(/fhir\/R4$/, ''), fhirUrlPath: 'fhir/R4' };

introduce('@medplum/core');

// Signing in.
const medplum = new MedplumClient({ ...address, tokenUrl: TOKEN_URL });
await play(
  SIGN_IN,
  'startClientLogin',
  () => medplum.startClientLogin(CLIENT_ID, CLIENT_SECRET),
  () => medplum.isAuthenticated(),
);
const user = new MedplumClient(address);
user.setAccessToken(TOKEN_ADMIN);
await play(
  SIGN_IN,
  'setAccessToken',
  () => user.search('Encounter', '_count=1'),
  (answer) => answer.type === 'searchset',
);
await play(
  SIGN_IN,
  'get',
  () => medplum.get(medplum.fhirUrl('metadata')),
  (answer) => answer.fhirVersion === '4.0.1',
);

// Writing.
const visit = await play(
  WRITE,
  'createResource',
  () => medplum.createResource(session()),
  (made) => made.meta.versionId === '1',
);
const thread = await medplum.createResource(header({ topic: { text: '' }, note: [] }));
const delivery = unique();
const sms = message(thread, 'It itches again.', { identifier: delivery.identifier });
const first = await play(
  WRITE,
  'createResourceIfNoneExist',
  () => medplum.createResourceIfNoneExist(sms, delivery.query),
  (made) => made.id.startsWith(thread.id),
);
await medplum.createResourceIfNoneExist(sms, delivery.query).then((again) => {
  if (again.id !== first.id) throw new Error('sent twice, kept twice');
});
const upserted = unique();
const note = message(thread, 'Only at night?', {
  identifier: upserted.identifier,
  sent: '2026-11-20T09:20:00Z',
});
const second = await play(
  WRITE,
  'upsertResource, where there is none',
  () => medplum.upsertResource(note, upserted.query),
  (made) => made.meta.versionId === '1',
);
await play(
  WRITE,
  'upsertResource, where there is one',
  () => medplum.upsertResource({ ...note, status: 'completed' }, upserted.query),
  (made) => made.id === second.id && made.meta.versionId === '2',
);
const linked = await play(
  WRITE,
  'patchResource',
  () =>
    medplum.patchResource('Communication', thread.id, [
      { op: 'test', path: '/meta/versionId', value: thread.meta.versionId },
      ...link(visit),
    ]),
  (patched) => patched.encounter.reference === `Encounter/${visit.id}`,
);
await refused(
  WRITE,
  'patchResource, refused where another wrote meanwhile',
  () =>
    medplum.patchResource('Communication', thread.id, [
      { op: 'test', path: '/meta/versionId', value: '99' },
      ...link(visit),
    ]),
  (problem) => problem.outcome?.issue[0].severity === 'error',
);
await play(
  WRITE,
  'updateResource',
  () => medplum.updateResource({ ...linked, topic: { text: 'Rash' } }),
  (updated) => updated.topic.text === 'Rash',
);
const comment = await play(
  WRITE,
  'createComment',
  () => medplum.createComment(visit, 'Called her.'),
  (made) => made.encounter.reference === `Encounter/${visit.id}`,
);

// Reading; `reload` asks the server, not the client's cache.
const reload = { cache: 'reload' };
await play(
  READ,
  'readResource',
  () => medplum.readResource('Encounter', visit.id, reload),
  (read) => read.id === visit.id,
);
await play(
  READ,
  'readReference',
  () => medplum.readReference(linked.encounter, reload),
  (read) => read.id === visit.id,
);
await play(
  READ,
  'readVersion',
  () => medplum.readVersion('Communication', thread.id, '1'),
  (read) => read.meta.versionId === '1' && !read.encounter,
);
await play(
  READ,
  'readHistory',
  () => medplum.readHistory('Communication', thread.id),
  (history) => history.total === 3 && history.entry[0].resource.topic.text === 'Rash',
);
await play(
  READ,
  'readHistory, a page of it',
  () => medplum.readHistory('Communication', thread.id, { count: 1, offset: 1 }),
  (history) => history.entry.length === 1 && history.entry[0].resource.meta.versionId === '2',
);
await play(
  READ,
  'get, of a definition',
  () => medplum.get(medplum.fhirUrl('OperationDefinition', 'Encounter-open-session')),
  (read) => read.code === 'open-session',
);

// Searching.
const ofThread = { 'part-of': `Communication/${thread.id}`, _sort: 'sent' };
await play(
  SEARCH,
  'search',
  () => medplum.search('Communication', ofThread),
  (answer) => found(answer) === ids([first, second]),
);
await play(
  SEARCH,
  'searchOne',
  () => medplum.searchOne('Communication', delivery.query),
  (one) => one.id === first.id,
);
await play(
  SEARCH,
  'searchResources',
  () =>
    medplum.searchResources('Communication', { session: `Encounter/${visit.id}`, _sort: 'sent' }),
  (messages) => ids(messages) === ids([first, second]),
);
await play(
  SEARCH,
  'searchResourcePages',
  async () => {
    const pages = [];
    for await (const page of medplum.searchResourcePages('Communication', {
      ...ofThread,
      _count: '1',
    })) {
      pages.push(ids(page));
    }
    return pages;
  },
  (pages) => pages.join() === ids([first, second]),
);
await play(
  SEARCH,
  'searchResourcePages, of a thousand',
  async () => {
    for await (const page of medplum.searchResourcePages('Communication', ofThread)) return page;
  },
  (page) => ids(page) === ids([first, second]),
);
await play(
  SEARCH,
  'search, of an inbox',
  () =>
    medplum.search(
      'Communication',
      `part-of:missing=true&status:not=completed,entered-in-error&encounter=Encounter/${visit.id}&_sort=-_lastUpdated`,
    ),
  (answer) => found(answer) === thread.id,
);

// Bundles, operations.
await play(
  BUNDLES,
  'executeBatch, a batch',
  () =>
    medplum.executeBatch(
      bundle(
        'batch',
        entry('GET', `Encounter/${visit.id}`),
        entry('GET', '/Communication?identifier=urn:none|1'),
        entry('POST', 'Encounter', session()),
        entry('GET', 'Encounter/none'),
      ),
    ),
  (answer) => statuses(answer) === '200,200,201,404',
);
await play(
  BUNDLES,
  'executeBatch, a transaction',
  () =>
    medplum.executeBatch(
      bundle(
        'transaction',
        entry(
          'POST',
          'Communication',
          header({ encounter: { reference: 'urn:uuid:7f1a4f5e-1d0b-4b5e-9a55-0d5b9a0c6a11' } }),
        ),
        entry('POST', 'Encounter', session(), 'urn:uuid:7f1a4f5e-1d0b-4b5e-9a55-0d5b9a0c6a11'),
      ),
    ),
  (answer) => statuses(answer) === '201,201',
);
const batching = new MedplumClient({ ...address, autoBatchTime: 50, accessToken: TOKEN_ADMIN });
await play(
  BUNDLES,
  'autoBatchTime',
  () =>
    Promise.all([
      batching.readResource('Encounter', visit.id),
      batching.readResource('Communication', first.id),
    ]),
  (both) => ids(both) === ids([visit, first]),
);
await play(
  BUNDLES,
  'validateResource',
  () => medplum.validateResource(session()),
  (outcome) => outcome.issue.every((one) => one.severity !== 'error'),
);
await play(
  BUNDLES,
  'validateResource, of what is not valid',
  () => medplum.validateResource(session({ status: 'done' })),
  (outcome) =>
    outcome.issue.some(
      (one) => one.severity === 'error' && one.expression[0] === 'Encounter.status',
    ),
);
await play(
  BUNDLES,
  'post, of an operation',
  () => medplum.post(medplum.fhirUrl('Encounter', visit.id, '$close-session')),
  (closed) => closed.status === 'finished',
);

// The people and the records around a session.
const known = unique();
const patient = await play(
  WRITE,
  'createResourceIfNoneExist, of a patient',
  () => medplum.createResourceIfNoneExist(person({ identifier: known.identifier }), known.query),
  (made) => made.resourceType === 'Patient' && made.meta.versionId === '1',
);
const record = await play(
  WRITE,
  'createResource, of a record',
  () => medplum.createResource(observation(patient, visit)),
  (made) => made.encounter.reference === `Encounter/${visit.id}`,
);
await play(
  SEARCH,
  'searchResources, of people by name',
  () => medplum.searchResources('Patient', { name: 'simps', identifier: known.query.slice(11) }),
  (people) => ids(people) === patient.id,
);
await play(
  SEARCH,
  'searchResources, of what was recorded',
  () => medplum.searchResources('Observation', { encounter: `Encounter/${visit.id}` }),
  (records) => ids(records) === record.id,
);

// Files.
const photo = picture();
const binary = await play(
  WRITE,
  'createBinary',
  () => medplum.createBinary({ data: photo, contentType: 'image/png', filename: 'rash.png' }),
  (made) => made.resourceType === 'Binary' && made.url === `Binary/${made.id}`,
);
const attachment = await play(
  WRITE,
  'createAttachment',
  () =>
    medplum.createAttachment({
      data: photo,
      contentType: 'image/png',
      filename: 'rash.png',
      securityContext: { reference: `Patient/${patient.id}` },
    }),
  (made) => made.url.startsWith('Binary/') && made.title === 'rash.png',
);
await play(
  WRITE,
  'createDocumentReference',
  () =>
    medplum.createDocumentReference({
      data: photo,
      contentType: 'image/png',
      filename: 'rash.png',
      additionalFields: { subject: { reference: `Patient/${patient.id}` } },
    }),
  (made) => made.content[0].attachment.url.startsWith('Binary/'),
);
await play(
  READ,
  'download',
  async () => Buffer.from(await (await medplum.download(attachment.url)).arrayBuffer()),
  (bytes) => photo.equals(bytes),
);
await play(
  READ,
  'readResource, of a file',
  () => medplum.readResource('Binary', binary.id, reload),
  (read) => read.data === photo.toString('base64'),
);

// Deleting.
await play(
  WRITE,
  'deleteResource',
  () => medplum.deleteResource('Communication', comment.id),
  () => true,
);
await refused(
  READ,
  'readResource, of what is deleted',
  () => medplum.readResource('Communication', comment.id, reload),
  (problem) => problem.outcome?.issue[0].code === 'deleted',
);
