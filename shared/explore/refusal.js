// What the API said no to, for people.

import { make, told } from './dom.js';

const MEANS = {
  0: 'No connection',
  403: 'You may not do this',
  404: 'It is not there',
  410: 'It was deleted',
};

/** Show why something was refused, element by element. */
export function refusal(error) {
  const title = MEANS[error.status] ?? 'That did not work';
  const lines = error.issues ?? [{ text: 'Something went wrong in this page.' }];
  return make(
    'div',
    { role: 'alert', class: 'notice' },
    make('strong', {}, title),
    lines.map((issue) => make('p', {}, told(issue.text))),
  );
}
