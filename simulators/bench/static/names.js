// What people call the things that have a short name in the configuration.

import { bench } from "./picture.js";

/** The title of a counter or service; whatever has none is called what it is. */
export const titleOf = (kind, name) => bench()?.[kind][name]?.name ?? name;

/** The same for what an alert is about, whichever it is. */
export const titleOfAny = (name) => titleOf("counters", titleOf("services", name));
