// The parts of the page that follow the picture: each names the items that it shows, and is drawn when one changes.

import { onChange } from "./picture.js";

let parts = [];

/** Make every part anew by `make`, and draw it. */
export function remake(make) {
  parts = [];
  make();
  for (const { draw } of parts) draw();
}

/** Call `draw` whenever an item of `needs` has changed. To be called while the parts are made. */
export function follow(needs, draw) {
  parts.push({ needs, draw });
}

onChange((names) => {
  if (names.has("bench")) return; // everything is made anew
  for (const { needs, draw } of parts) if (needs.some((name) => names.has(name))) draw();
});
