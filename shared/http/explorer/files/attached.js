// Files attached to messages: pictures are shown, others are saved; all are read with the user's token.

import { binary, Refused } from './api.js';
import { link, make, told } from './dom.js';

const { base } = document.body.dataset;
// A Binary of this server, relative or below its base.
const OURS = /^Binary\/[A-Za-z0-9.-]{1,64}(\/_history\/[0-9]{1,8})?$/;

/** Show an attachment: a file kept here, or a link to one that is on the web. */
export function attachment(one) {
  const title = one.title || one.contentType || 'Attachment';
  const path = ours(one.url);
  // The sender chooses the title, so the link's host is shown beside it.
  const kind = [
    path ? '' : host(one.url),
    one.title && one.contentType,
    one.size && `${Math.ceil(one.size / 1024)} KB`,
  ].filter(Boolean);
  return make(
    'div',
    { class: 'attachment' },
    path ? kept(path, title) : link(one.url, title),
    kind.length ? make('small', {}, ' ', told(kind.join(', '))) : null,
  );
}

function ours(url) {
  const path = url?.startsWith(`${base}/`) ? url.slice(base.length + 1) : url;
  return OURS.test(path ?? '') ? path : '';
}

function host(address) {
  return URL.canParse(address) ? new URL(address).host : '';
}

/** Show a file's title, and the file when it comes into view: every look at one is audited. */
function kept(path, title) {
  const place = make('div', { class: 'file' }, told(title));
  new IntersectionObserver(async (seen, observer) => {
    if (!seen.some((one) => one.isIntersecting)) return;
    observer.disconnect();
    place.append(await shown(path, title).catch(problem));
  }).observe(place);
  return place;
}

async function shown(path, title) {
  const { content, isPicture, name } = await binary(path);
  const address = URL.createObjectURL(content);
  if (isPicture) {
    const forget = () => URL.revokeObjectURL(address);
    return make('img', { src: address, alt: title, onload: forget, onerror: forget });
  }
  return make('a', { href: address, download: name || 'file', class: 'save' }, 'Save');
}

function problem(error) {
  if (!(error instanceof Refused)) throw error;
  return make('small', {}, ' ', error.status === 404 ? 'Not available' : 'Cannot be shown here');
}
