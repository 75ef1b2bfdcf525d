// Helpers that create elements: contents of resources become text, never markup.

const LONGEST = 2000;

/** Create an element; false and null attributes are left out, `on...` are listeners. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null)
      element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...there(children));
  return element;
}

/** Show text from a resource, isolated so that its direction does not affect the text around. */
export function told(text, attributes = {}) {
  return make('bdi', { ...attributes, dir: 'auto' }, String(text ?? ''));
}

/** Show a text with its line breaks; only the beginning of a very long one, and a button. */
export function prose(text) {
  const shown = make('p', { class: 'prose', dir: 'auto' }, text.slice(0, LONGEST));
  if (text.length <= LONGEST) return [shown];
  const more = make('button', { type: 'button', class: 'quiet' }, 'Show the full text');
  more.addEventListener('click', () => {
    shown.textContent = text;
    more.remove();
    shown.tabIndex = -1;
    shown.focus();
  });
  shown.append('…');
  return [shown, more];
}

/** Link to an http or https address; any other address stays text. */
export function link(address, text) {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!['https:', 'http:'].includes(url?.protocol)) return told(text);
  const attributes = { href: url.href, rel: 'noopener noreferrer', target: '_blank' };
  return make('a', attributes, told(text), make('span', { class: 'unseen' }, ' (opens a new tab)'));
}

/** Replace the content of an element. */
export function fill(element, ...children) {
  element.replaceChildren(...there(children));
}

function there(children) {
  return children.flat(Infinity).filter((child) => child || child === 0);
}

/** Announce something to users of screen readers. */
export function announce(text) {
  document.getElementById('status').textContent = text;
}

/** Return the link back to all sessions. */
export function up() {
  return make('p', { class: 'path' }, make('a', { href: '#/' }, 'Sessions'));
}
