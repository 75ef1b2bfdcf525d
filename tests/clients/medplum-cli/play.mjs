/** Every command of the Medplum CLI for these types, as one types it: a process each. */
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
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
  play,
  refused,
  session,
  statuses,
  unique,
} from '../steps.mjs';

introduce('@medplum/cli');

const home = mkdtempSync(join(tmpdir(), 'medplum-'));
const address = {
  MEDPLUM_BASE_URL: FHIR_BASE.replace(/fhir\/R4$/, ''),
  MEDPLUM_FHIR_URL_PATH: 'fhir/R4',
};

/** Run a command in a home directory of its own, and give what it prints. */
async function run(environment, ...words) {
  const command = [...process.execArgv, 'node_modules/@medplum/cli/dist/cjs/index.cjs', ...words];
  const env = { PATH: process.env.PATH, HOME: home, ...environment };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, command, { env });
  return stdout + stderr;
}

async function medplum(...words) {
  const printed = await run({ ...address, MEDPLUM_CLIENT_ACCESS_TOKEN: TOKEN_ADMIN }, ...words);
  return JSON.parse(printed);
}

// Signing in.
const signIn = [
  '--auth-type',
  'client-credentials',
  '--client-id',
  CLIENT_ID,
  '--client-secret',
  CLIENT_SECRET,
  '--base-url',
  address.MEDPLUM_BASE_URL,
  '--fhir-url',
  'fhir/R4',
  '--token-url',
  TOKEN_URL,
];
await play(
  SIGN_IN,
  'login',
  () => run({}, 'login', ...signIn),
  (printed) => !/error/i.test(printed),
);
await play(
  SIGN_IN,
  'get, after login',
  () => run({}, 'get', 'Encounter?_count=1'),
  (printed) => JSON.parse(printed).type === 'searchset',
);
await play(
  SIGN_IN,
  'token',
  () => run({}, 'token'),
  (printed) => printed.includes('eyJ'),
);
await play(
  SIGN_IN,
  'get, of the CapabilityStatement',
  () => medplum('get', 'metadata'),
  (statement) => statement.fhirVersion === '4.0.1',
);

// Writing.
const post = (resource) => medplum('post', resource.resourceType, JSON.stringify(resource));
const visit = await play(
  WRITE,
  'post',
  () => post(session()),
  (made) => made.meta.versionId === '1',
);
const thread = await post(header());
const first = await post(message(thread, 'It itches again.'));
const delivery = unique();
const sms = JSON.stringify(
  message(thread, 'Only in the morning.', {
    identifier: delivery.identifier,
    sent: '2026-11-20T09:30:00Z',
  }),
);
const last = await medplum('post', `Communication?${delivery.query}`, sms);
await play(
  WRITE,
  'post, with a query',
  () => medplum('post', `Communication?${delivery.query}`, sms),
  (again) => again.id === last.id,
);
const upserted = unique();
const second = await play(
  WRITE,
  'put, with a query',
  () =>
    medplum(
      'put',
      `Communication?${upserted.query}`,
      JSON.stringify(
        message(thread, 'Only at night?', {
          identifier: upserted.identifier,
          sent: '2026-11-20T09:20:00Z',
        }),
      ),
    ),
  (made) => made.meta.versionId === '1',
);
const linked = await play(
  WRITE,
  'patch',
  () => medplum('patch', `Communication/${thread.id}`, JSON.stringify(link(visit))),
  (patched) => patched.encounter.reference === `Encounter/${visit.id}`,
);
await play(
  WRITE,
  'put',
  () =>
    medplum(
      'put',
      `Communication/${thread.id}`,
      JSON.stringify({ ...linked, topic: { text: 'Rash' } }),
    ),
  (updated) => updated.topic.text === 'Rash',
);
await play(
  WRITE,
  'put, of a session that ends',
  () => medplum('put', `Encounter/${visit.id}`, JSON.stringify({ ...visit, status: 'finished' })),
  (ended) => ended.length.value === 15 && ended.statusHistory.length === 1,
);

// Reading.
await play(
  READ,
  'get, of a resource',
  () => medplum('get', `Encounter/${visit.id}`),
  (read) => read.id === visit.id,
);
await play(
  READ,
  'get, of a version',
  () => medplum('get', `Communication/${thread.id}/_history/1`),
  (read) => read.meta.versionId === '1',
);
await play(
  READ,
  'get, of a history',
  () => medplum('get', `Communication/${thread.id}/_history`),
  (history) => history.total === 3,
);

// Searching, with raw `|` and `:`.
await play(
  SEARCH,
  'get, of a search',
  () => medplum('get', `Communication?part-of=Communication/${thread.id}&_sort=sent`),
  (answer) => found(answer) === ids([first, second, last]),
);
await play(
  SEARCH,
  'get, of a token',
  () => medplum('get', `Communication?${upserted.query}`),
  (answer) => found(answer) === second.id,
);
await play(
  SEARCH,
  'get, with a modifier',
  () => medplum('get', `Communication?part-of:missing=true&encounter=Encounter/${visit.id}`),
  (answer) => found(answer) === thread.id,
);
await play(
  SEARCH,
  'get, as a transaction',
  () => medplum('get', '--as-transaction', `Communication?part-of=Communication/${thread.id}`),
  (answer) => answer.type === 'transaction' && answer.entry.length === 3,
);

// Bundles, operations.
const batch = bundle(
  'batch',
  entry('GET', `Encounter/${visit.id}`),
  entry('GET', 'Encounter/none'),
);
await play(
  BUNDLES,
  'post, of a batch',
  () => medplum('post', '', JSON.stringify(batch)),
  (answer) => statuses(answer) === '200,404',
);
const url = 'urn:uuid:7f1a4f5e-1d0b-4b5e-9a55-0d5b9a0c6a14';
const transaction = bundle(
  'transaction',
  entry('POST', 'Communication', header({ encounter: { reference: url } })),
  entry('POST', 'Encounter', session(), url),
);
await play(
  BUNDLES,
  'post, of a transaction',
  () => medplum('post', '', JSON.stringify(transaction)),
  (answer) => statuses(answer) === '201,201',
);
const lines = join(home, 'sessions.ndjson');
writeFileSync(lines, [session(), session()].map((one) => `${JSON.stringify(one)}\n`).join(''));
await play(
  BUNDLES,
  'bulk import',
  () => run({ ...address, MEDPLUM_CLIENT_ACCESS_TOKEN: TOKEN_ADMIN }, 'bulk', 'import', lines),
  (printed) => printed.split('201').length === 3,
);
await play(
  BUNDLES,
  'post, of an operation on a type',
  () => medplum('post', 'Encounter/$validate', JSON.stringify(session())),
  (outcome) => outcome.resourceType === 'OperationOutcome',
);
await play(
  BUNDLES,
  'get, of an operation on an instance',
  () => medplum('get', `Encounter/${visit.id}/$everything`),
  (answer) => answer.entry.length === 5,
);

// Deleting.
const signedIn = { ...address, MEDPLUM_CLIENT_ACCESS_TOKEN: TOKEN_ADMIN };
await play(
  WRITE,
  'delete',
  () => run(signedIn, 'delete', `Communication/${first.id}`),
  () => true,
);
await refused(
  READ,
  'get, of what is deleted',
  () => run(signedIn, 'get', `Communication/${first.id}`),
  (problem) => /deleted|gone/i.test(problem.stderr + problem.stdout),
);
