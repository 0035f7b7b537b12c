// One-line forms: a button, and the fields that go with it.

import { el } from "./dom.js";
import { t } from "./words.js";

/** A field for a few words, by the key of its label. */
export function field(key, attributes = {}) {
  return el("input", { type: "text", "aria-label": t(key), placeholder: t(key), title: t(key), ...attributes });
}

/** A choice among pairs [value, label], by the key of its label. */
export function choice(key, pairs, attributes = {}) {
  const options = pairs.map(([value, label]) => el("option", { value }, label));
  return el("select", { "aria-label": t(key), title: t(key), ...attributes }, options);
}

/** A form whose button has the words of `key`; `send` is called once the browser finds its fields in order. */
export function line(action, key, fields, send) {
  const submit = (event) => {
    event.preventDefault();
    send();
  };
  return el("form", { class: "line", onsubmit: submit }, fields, el("button", { "data-action": action }, t(key)));
}
