// Client of the FHIR API, with the user's own token: the API decides what they may see.

import { forget, token } from './signin.js';

const { base } = document.body.dataset;

/** An error response of the API; `issues` are those of its OperationOutcome. */
export class Refused extends Error {
  constructor(status, issues) {
    super(issues[0]?.text ?? `The service answered with status ${status}`);
    this.status = status;
    this.issues = issues;
  }
}

/** Return a resource or a page of a search. Throws Refused. */
export function get(path) {
  return ask('GET', path);
}

/** Post a resource, or an empty body, and return the answer. Throws Refused. */
export function post(path, body) {
  return ask('POST', path, body);
}

/** Read several paths in one batch; null stands for each that was refused. Throws Refused. */
export async function each(paths) {
  if (!paths.length) return [];
  const entry = paths.map((url) => ({ request: { method: 'GET', url } }));
  const answer = await post('', { resourceType: 'Bundle', type: 'batch', entry });
  const failed = answer.entry.find((one) => one.response.status.startsWith('5'))?.response;
  if (failed) throw new Refused(Number.parseInt(failed.status, 10), issues(failed.outcome));
  return answer.entry.map((one) => (one.response.status.startsWith('2') ? one.resource : null));
}

/** Return the resources of a page, without the OperationOutcome about the search. */
export function found(bundle) {
  const wanted = (bundle.entry ?? []).filter((one) => one.search?.mode !== 'outcome');
  return wanted.map((one) => one.resource);
}

/** Return the path of the next page, or an empty string if there is none. */
export function next(bundle, path) {
  const link = (bundle.link ?? []).find((one) => one.relation === 'next');
  return link ? path.split('?')[0] + new URL(link.url).search : '';
}

/** Read all pages of a search, until there are at least `most` resources. */
export async function all(path, most = 1000) {
  const resources = [];
  for (let at = path; at && resources.length < most;) {
    const page = await get(at);
    resources.push(...found(page));
    at = next(page, path);
  }
  return resources;
}

/** Read a file: its content, whether it is a picture that may be shown, and its name. Throws Refused. */
export async function binary(path) {
  const answer = await sent(path, { headers: { Accept: '*/*' } });
  if (!answer.ok) throw new Refused(answer.status, []);
  const disposition = answer.headers.get('Content-Disposition') ?? '';
  const type = answer.headers.get('Content-Type') ?? '';
  return {
    content: await answer.blob(),
    // The service says inline of what is a raster image, by its bytes.
    isPicture: disposition.startsWith('inline') && type.startsWith('image/'),
    name: /filename="([^"]*)"/.exec(disposition)?.[1] ?? '',
  };
}

async function sent(path, request, used = token()) {
  const headers = { ...request.headers, Authorization: `Bearer ${used}` };
  return fetch(`${base}/${path}`, { ...request, headers, cache: 'no-store' }).catch(() => {
    throw new Refused(0, [{ text: 'The service cannot be reached.' }]);
  });
}

async function ask(method, path, body) {
  const used = token();
  const headers = { Accept: 'application/fhir+json' };
  if (body) headers['Content-Type'] = 'application/fhir+json';
  const request = { method, headers, body: body && JSON.stringify(body) };
  const answer = await sent(path, request, used);
  const content = await answer.json().catch(() => null);
  if (answer.ok) return content;
  // Sign out only if nobody else has signed in since the request.
  if (answer.status === 401 && used === token())
    forget('Your sign-in has expired. Sign in again to continue.');
  throw new Refused(answer.status, issues(content));
}

function issues(content) {
  return (content?.issue ?? []).map((issue) => ({
    text: issue.diagnostics ?? issue.details?.text ?? issue.code,
  }));
}
