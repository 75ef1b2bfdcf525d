import { MedplumClient } from '@medplum/core';
import type { Communication, Encounter } from '@medplum/fhirtypes';

const medplum = new MedplumClient({
  baseUrl: process.env.FHIR_BASE!.replace(/fhir\/R4$/, ''),
  fhirUrlPath: 'fhir/R4',
});
medplum.setAccessToken(process.env.TOKEN_PRACTITIONER!);

const homer = { reference: 'Patient/homer-simpson' };
const alice = { reference: 'Practitioner/doctor-alice-smith' };

const session = await medplum.createResource<Encounter>({
  resourceType: 'Encounter',
  status: 'in-progress',
  class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'VR' },
  subject: homer,
  participant: [{ individual: alice }],
});
const thread = await medplum.createResource<Communication>({
  resourceType: 'Communication',
  status: 'in-progress',
  topic: { text: 'Back pain' },
  subject: homer,
  sender: homer,
  recipient: [homer, alice],
});
for (const [sender, sent, text] of [
  [homer, '2026-11-20T09:00:00Z', 'My back hurts again.'],
  [alice, '2026-11-20T09:07:00Z', 'Since when?'],
  [homer, '2026-11-20T09:12:30Z', 'Since yesterday.'],
] as const) {
  await medplum.createResource<Communication>({
    resourceType: 'Communication',
    status: 'in-progress',
    partOf: [{ reference: `Communication/${thread.id}` }],
    subject: homer,
    sender,
    sent,
    payload: [{ contentString: text }],
  });
}

await medplum.patchResource('Communication', thread.id, [
  { op: 'test', path: '/meta/versionId', value: thread.meta?.versionId },
  { op: 'add', path: '/encounter', value: { reference: `Encounter/${session.id}` } },
]);

const messages = await medplum.searchResources('Communication', {
  session: `Encounter/${session.id}`,
  _sort: 'sent',
});
console.log(messages.map((message) => message.payload?.[0]?.contentString));

const finished = await medplum.updateResource<Encounter>({ ...session, status: 'finished' });
console.log(finished.status, finished.period, finished.length?.value);

const history = await medplum.readHistory('Encounter', session.id);
console.log(history.total, 'versions');
