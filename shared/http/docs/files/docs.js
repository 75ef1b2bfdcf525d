// The API reference: Swagger UI over this server's OpenAPI document, a section of it at a time.
// The whole document would keep a browser busy for seconds at each click.

const { base } = document.body.dataset;
const { SwaggerUIBundle } = window;
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

const answer = await fetch(`${base}/openapi.json`);
const api = JSON.parse(await answer.text(), withoutPattern);
const names = api.tags.map((tag) => tag.name);

/** Leave patterns out: examples that are made of them take seconds, and nobody can read them. */
function withoutPattern(key, value) {
  return key === 'pattern' && typeof value === 'string' ? undefined : value;
}

/** Return the document of the operations with a tag, and of the components they refer to. */
function section(name) {
  const paths = {};
  for (const [path, item] of Object.entries(api.paths)) {
    const shown = METHODS.filter((method) => item[method]?.tags.includes(name));
    if (shown.length)
      paths[path] = Object.fromEntries(shown.map((method) => [method, operation(item[method])]));
  }
  // People enter a token: the document's flow needs a secret, which no page should have.
  const securitySchemes = { token: { type: 'http', scheme: 'bearer' } };
  const components = { ...referred(paths), securitySchemes };
  return { ...api, tags: [{ name }], paths, components };
}

/** Return an operation that is tried without the parameters that a request may do without. */
function operation(described) {
  const parameters = described.parameters?.map(({ example, ...parameter }) =>
    parameter.required || example === undefined
      ? { ...parameter, example }
      : { ...parameter, description: `${parameter.description} (such as ${example})` },
  );
  return { ...described, parameters };
}

/** Return the components that a part of the document refers to, directly or not. */
function referred(part, components = {}) {
  for (const [name, value] of Object.entries(part)) {
    if (name === '$ref') {
      const [kind, component] = value.split('/').slice(2);
      components[kind] ??= {};
      if (component in components[kind]) continue;
      components[kind][component] = api.components[kind][component];
      referred(components[kind][component], components);
    } else if (value instanceof Object) referred(value, components);
  }
  return components;
}

/** Return the name of the section that the address names. */
function current() {
  const name = decodeURIComponent(window.location.hash.slice(1));
  return names.includes(name) ? name : names[0];
}

/** Mark the link to the section that is shown. */
function mark() {
  for (const link of document.querySelectorAll('nav a')) {
    if (link.textContent === current()) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
}

/** Show texts as they are: they are no Markdown, and no string may become markup. */
function plainTexts({ React }) {
  return { components: { Markdown: ({ source }) => React.createElement('p', null, source) } };
}

/** Use the token with which somebody has signed in to the explorer in this tab. */
function signIn() {
  const token = window.sessionStorage.getItem('token');
  if (token) ui.preauthorizeApiKey('token', token);
}

for (const name of names) {
  const link = document.createElement('a');
  link.href = `#${encodeURIComponent(name)}`;
  link.textContent = name;
  document.querySelector('nav').append(link);
}
mark();
const ui = SwaggerUIBundle({
  spec: section(current()),
  dom_id: '#reference',
  plugins: [plainTexts],
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
signIn();
window.addEventListener('pageshow', signIn);
window.addEventListener('hashchange', () => {
  mark();
  ui.specActions.updateSpec(JSON.stringify(section(current())));
});
