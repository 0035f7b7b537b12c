// Elements, made without ever parsing text as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes, listeners (onclick: …) and children; strings become text. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...present(children));
  return node;
}

/** Replace what is inside `node`, with new nodes or with ones that somebody keeps. */
export function refill(node, ...children) {
  node.replaceChildren(...present(children));
}

// What a person may be about to click, or is typing into: kept as it is, or replaced as a whole.
const HANDLED = ["BUTTON", "FORM", "INPUT", "SELECT", "TEXTAREA", "DETAILS"];

/**
 * Bring what is inside `node` to the look of `children`, touching only what differs: a button that looks the same
 * stays, or a click that began before the change would be lost. For nodes that nobody else keeps.
 */
export function patch(node, ...children) {
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  patchChildren(node, el("div", {}, children));
  const lost = focused && !node.contains(document.activeElement);
  if (lost) node.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function patchChildren(node, fresh) {
  const have = [...node.childNodes];
  const wanted = [...fresh.childNodes];
  wanted.forEach((child, index) => (have[index] ? patchNode(have[index], child) : node.append(child)));
  for (const extra of have.slice(wanted.length)) extra.remove();
}

function patchNode(node, fresh) {
  if (node.isEqualNode(fresh)) return;
  if (node.nodeName !== fresh.nodeName || !(node instanceof Element) || HANDLED.includes(node.nodeName)) {
    node.replaceWith(fresh);
    return;
  }
  for (const { name } of [...node.attributes]) if (!fresh.hasAttribute(name)) node.removeAttribute(name);
  for (const { name, value } of fresh.attributes) node.setAttribute(name, value);
  patchChildren(node, fresh);
}

const present = (children) => children.flat(Infinity).filter((child) => child !== null && child !== undefined);
