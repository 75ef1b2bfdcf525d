// Errors of the API, in words for people.

import { make, told } from './dom.js';

const MEANS = {
  0: 'No connection',
  403: 'You are not allowed to do this',
  404: 'It does not exist',
  410: 'It has been deleted',
};

/** Show why a request failed, issue by issue. */
export function refusal(error) {
  const title = MEANS[error.status] ?? 'This did not work';
  const lines = error.issues ?? [{ text: 'An unexpected error occurred in this page.' }];
  return make(
    'div',
    { role: 'alert', class: 'notice' },
    make('strong', {}, title),
    lines.map((issue) => make('p', {}, told(issue.text))),
  );
}
