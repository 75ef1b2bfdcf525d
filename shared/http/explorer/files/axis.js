// The time axis of a thread: a bar for each session, a tick for each message.

import { make } from './dom.js';
import { when } from './times.js';
import { day, instant } from './words.js';

const SVG = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT] = [1000, 44];

/** Draw the axis. It is hidden from screen readers, because the messages below say the same. */
export function axis(messages, marks) {
  const times = messages.map((message) => instant(when(message)).valueOf());
  const valid = times.filter((time) => !Number.isNaN(time));
  if (valid.length < 2) return null;
  const [first, last] = [Math.min(...valid), Math.max(...valid)];
  const at = (time) => 6 + ((time - first) / (last - first || 1)) * (WIDTH - 12);
  const marked = messages.filter((message) => marks.of(message) && when(message));
  const bySession = Map.groupBy(marked, (message) => marks.of(message));
  const svg = draw('svg', {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: 'none',
    class: 'axis',
    'aria-hidden': 'true',
  });
  svg.append(draw('line', { x1: 0, x2: WIDTH, y1: 34, y2: 34, class: 'base' }));
  for (const group of bySession.values()) {
    const [from, to] = [group[0], group.at(-1)].map((message) => at(instant(when(message))));
    svg.append(
      draw('rect', {
        x: from - 5,
        y: 8,
        width: Math.max(to - from, 0) + 10,
        height: 18,
        rx: 4,
        class: 'bar',
      }),
    );
  }
  for (const time of valid)
    svg.append(draw('line', { x1: at(time), x2: at(time), y1: 29, y2: 39, class: 'tick' }));
  const ends = [first, last].map((time) => make('span', {}, day(time)));
  return make(
    'div',
    { class: 'overview' },
    svg,
    make('p', { class: 'ends', 'aria-hidden': 'true' }, ends),
  );
}

function draw(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
