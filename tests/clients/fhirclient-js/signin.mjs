/** A SMART app signs a user in at the user pool's own page, and reads with the token it gets. */
import smart from 'fhirclient';

const { FHIR_BASE, EXPLORE_URL, SIGN_IN_CLIENT, SIGN_IN_NAME, SIGN_IN_PASSWORD, SCOPE } =
  process.env;

const sentTo = [];
const response = { writeHead: (_status, headers) => sentTo.push(headers.location), end() {} };
const kept = new Map();
const storage = {
  get: async (key) => kept.get(key),
  set: async (key, value) => kept.set(key, value),
  unset: async (key) => kept.delete(key),
};
const at = (url) => ({ url, headers: { host: new URL(EXPLORE_URL).host }, socket: {} });

/** Fill in the sign-in page as a person does; gives where it leads. */
async function signIn(url) {
  const page = await fetch(url, { redirect: 'manual' });
  if (page.status !== 200) {
    return page.headers.get('location') ?? (await page.text());
  }
  const form = new URLSearchParams();
  for (const [field] of (await page.text()).matchAll(/<input type="hidden"[^>]*>/g)) {
    form.set(field.match(/name="([^"]*)"/)[1], field.match(/value="([^"]*)"/)[1]);
  }
  form.set('username', SIGN_IN_NAME);
  form.set('password', SIGN_IN_PASSWORD);
  const sent = await fetch(new URL('/login', url), {
    method: 'POST',
    body: form,
    redirect: 'manual',
  });
  return sent.headers.get('location');
}

await smart(at('/launch'), response, storage).authorize({
  iss: FHIR_BASE,
  clientId: SIGN_IN_CLIENT,
  scope: SCOPE,
  redirectUri: EXPLORE_URL,
});
const back = new URL(await signIn(sentTo[0]));
if (!back.searchParams.has('code')) {
  console.log(JSON.stringify({ refused: back.searchParams.get('error_description') }));
  process.exit();
}
const app = smart(at(back.pathname + back.search), response, storage);
const client = await app.ready({ completeInTarget: true });
const status = async (ask) => {
  try {
    await ask();
    return 200;
  } catch (problem) {
    return problem.status;
  }
};
const [, payload] = client.state.tokenResponse.access_token.split('.');
console.log(
  JSON.stringify({
    user: client.user.fhirUser,
    scope: JSON.parse(Buffer.from(payload, 'base64url')).scope.split(' ').sort(),
    own: await status(() => client.request('Encounter?patient=homer-simpson')),
    others: ((await client.request('Patient')).entry ?? []).filter(
      ({ resource }) => `Patient/${resource.id}` !== client.user.fhirUser,
    ).length,
    written: await status(() => client.create({ resourceType: 'Observation', status: 'final' })),
  }),
);
