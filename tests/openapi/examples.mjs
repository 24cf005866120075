// Whether the specification agrees with itself: each operation has examples, each example fits its schema, each error
// is named. Sends nothing.

// Everything with a schema and examples that stands under a content of some media type.
function* contents(specification, pointer) {
  const { node } = specification.at(pointer);
  for (const media of Object.keys(node.content ?? {})) {
    yield { media, pointer: `${specification.at(pointer).pointer}/content/${media.replaceAll('/', '~1')}` };
  }
}

function checkContents(specification, pointer, what, report) {
  for (const content of contents(specification, pointer)) {
    const { node } = specification.at(content.pointer);
    report(`${what} has an example`, Object.keys(node.examples ?? {}).length > 0 ? '' : 'it has none');
    for (const example of specification.children(`${content.pointer}/examples`)) {
      report(`${what}, example ${example.name}`, specification.misfit(`${content.pointer}/schema`, example.node.value));
    }
  }
}

// The statuses whose response has an example of that name.
function statusesOf(specification, operation, name) {
  return specification.children(`${operation.pointer}/responses`).filter(({ node }) => Object.values(node.content ?? {})
    .some((content) => name in (content.examples ?? {}))).map((response) => Number(response.name));
}

function checkRequest(specification, operation, what, report) {
  const pointer = `${operation.pointer}/requestBody`;
  for (const content of contents(specification, pointer)) {
    const examples = specification.children(`${content.pointer}/examples`);
    report(`${what} takes a body and has an example`, examples.length > 0 ? '' : 'it has none');
    for (const { name, node } of examples) {
      const misfit = specification.misfit(`${content.pointer}/schema`, node.value);
      // An example of a request that is refused for its form must not fit, any other must.
      const refused = statusesOf(specification, operation, name).includes(400);
      const missed = misfit ? '' : 'it fits its schema, though it is answered with 400';
      report(`${what}, request ${name}`, refused ? missed : misfit);
    }
  }
}

export function checkExamples(specification, report) {
  for (const operation of specification.operations) {
    const what = `${operation.method} ${operation.path}`;
    if (operation.node.requestBody) {
      checkRequest(specification, operation, what, report);
    }
    for (const response of specification.children(`${operation.pointer}/responses`)) {
      checkContents(specification, response.pointer, `${what}, ${response.name}`, report);
    }
  }
  for (const name of ['NotFound', 'MethodNotAllowed', 'Options', 'WebServer']) {
    checkContents(specification, `/components/responses/${name}`, name, report);
  }
}
