// The numbers that the daemon gives to its events.

import { t } from "./words.js";

/** Whether the events that were heard count without a gap. */
export class Sequences {
  constructor(kept) {
    this.kept = kept;
    this.seen = new Set();
    this.epoch = undefined;
  }

  add(event) {
    const epoch = String(event?.id ?? "").split("-")[0];
    if (epoch !== this.epoch) this.seen.clear();
    this.epoch = epoch;
    const number = Number(event?.sequence);
    if (!Number.isInteger(number)) return;
    this.seen.add(number);
    if (this.seen.size > this.kept) this.seen.delete(Math.min(...this.seen));
  }

  get missing() {
    return this.seen.size ? Math.max(...this.seen) - Math.min(...this.seen) + 1 - this.seen.size : 0;
  }

  text() {
    if (!this.seen.size) return "";
    const values = { first: Math.min(...this.seen), last: Math.max(...this.seen), count: this.missing };
    return t(this.missing ? "ui.sequence-gaps" : "ui.sequence", values);
  }
}
