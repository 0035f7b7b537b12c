// What the bench last said: items by name. Everything that is drawn is drawn from here.

const items = new Map();
const listeners = [];

export const item = (name) => items.get(name);
export const bench = () => items.get("bench");

/** Call `listener` with the names of the items that changed. */
export const onChange = (listener) => listeners.push(listener);

/** Take an update from the bench; the first of a connection replaces everything. */
export function update({ first, items: changed }) {
  const names = new Set(Object.keys(changed));
  if (first) {
    for (const name of items.keys()) names.add(name);
    items.clear();
  }
  for (const [name, value] of Object.entries(changed)) {
    if (value === null) items.delete(name);
    else items.set(name, value);
  }
  for (const listener of listeners) listener(names);
}

/** A retained topic of this kiosk. */
export const topic = (name) => items.get(`topic/${name}`);
