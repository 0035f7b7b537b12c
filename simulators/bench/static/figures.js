// What the day came to so far.

import { el, patch } from "./dom.js";
import { follow } from "./parts.js";
import { topic } from "./picture.js";
import { duration, share, t } from "./words.js";

const LEVELS = [5, 4, 3, 2, 1];

/** The figures, folded away until somebody asks for them. */
export function figuresPart() {
  const table = el("dl");
  follow(["topic/figures"], () => {
    const figures = topic("figures");
    const rows = figures?.tickets ? figureRows(figures) : [["ui.no-figures", ""]];
    patch(
      table,
      rows.map(([key, value]) => [el("dt", {}, t(key)), el("dd", {}, value)]),
    );
  });
  return el("details", { class: "day" }, el("summary", {}, el("b", {}, t("ui.figures"))), table);
}

function figureRows({ tickets, ratings, phones, prints }) {
  return [
    ["ui.figure-tickets", counts(tickets, "issued", "called", "finished", "skipped")],
    ["ui.figure-waited", times(tickets.waited)],
    ["ui.figure-served", times(tickets.served)],
    ["ui.figure-levels", counts(ratings?.levels, ...LEVELS)],
    ["ui.figure-participation", share(ratings?.participation)],
    ["ui.figure-satisfaction", share(ratings?.satisfaction)],
    ["ui.figure-calls", counts(phones, "answered_in_time", "answered_late", "missed", "unknown")],
    ["ui.figure-in-time", share(phones?.in_time)],
    ["ui.figure-prints", counts(prints, "printed", "unconfirmed", "failed", "expired")],
  ];
}

const counts = (table, ...keys) => keys.map((key) => table?.[key] ?? 0).join(" / ");
const times = (kept) => `${duration(kept?.mean_s)} / ${duration(kept?.p95_s)}`;
