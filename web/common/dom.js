// Building parts of a page, without a template language.

/**
 * A new element. Attributes that begin with "on" are listeners, those that are false, null or undefined are left out;
 * children are nodes, texts, or null for nothing.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null)} children
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined)
      node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

const SVG = 'http://www.w3.org/2000/svg';

/** The same in SVG; without listeners. */
export function drawing(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Writes a text where it differs, so that a frame without news costs no layout. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Writes an attribute where it differs; null removes it. */
export function mark(node, name, value) {
  if (node.getAttribute(name) === value) return;
  if (value === null) node.removeAttribute(name);
  else node.setAttribute(name, value);
}

/**
 * Shows or hides a node.
 * @param {HTMLElement} refuge what has the focus when it was in a node that goes
 */
export function reveal(node, visible, refuge) {
  const hasFocus = !visible && node.contains(document.activeElement);
  node.hidden = !visible;
  if (hasFocus) refuge.focus({ preventScroll: true });
}

/**
 * Makes these the children of a parent, in this order. Those that stay are left where they are, focus and all.
 * @param {HTMLElement} refuge what has the focus when it was in a child that goes
 */
export function arrange(parent, nodes, refuge) {
  const stay = new Set(nodes);
  for (const child of [...parent.children]) {
    if (stay.has(child)) continue;
    reveal(child, false, refuge);
    child.remove();
  }
  nodes.forEach((node, i) => {
    if (parent.children[i] !== node) parent.insertBefore(node, parent.children[i] ?? null);
  });
}
