// What happened, newest first: events, commands and their replies, statuses, and what the bench itself has to say.

import { alertDetail, because } from "./alert-detail.js";
import { toast } from "./api.js";
import { el, refill } from "./dom.js";
import { titleOf, titleOfAny } from "./names.js";
import { Sequences } from "./sequences.js";
import { clock, code, dayAndMinute, known, reason, t } from "./words.js";

const KEPT = 500;
const SHOWN = 150;
const FILTERS = ["events-only", "commands-only", "states-only", "everything"];
const FAMILIES = { event: "events-only", command: "commands-only", reply: "commands-only" };

const place = document.getElementById("log");
const list = el("ol", { class: "entries", tabindex: 0 });
const summary = el("p", { class: "sequence muted" });
let entries = [];
let filter = "events-only";
let wanted = "";
let sequences = new Sequences(KEPT);
const asked = new Map();
let last = 0;
let skipped = 0;

/** Draw the whole list anew, in the language of now. */
export function redrawLog() {
  const search = el("input", {
    type: "search",
    value: wanted,
    placeholder: t("ui.filter"),
    "aria-label": t("ui.filter"),
    oninput: (event) => refilter(filter, event.target.value),
  });
  const choices = el(
    "select",
    { "aria-label": t("ui.log"), onchange: (event) => refilter(event.target.value, wanted) },
    FILTERS.map((name) => el("option", { value: name, selected: name === filter }, t(`ui.${name}`))),
  );
  refill(place, el("div", { class: "log-head" }, el("h2", {}, t("ui.log")), choices, search), summary, list);
  redrawEntries();
}

function refilter(next, text) {
  filter = next;
  wanted = text;
  redrawEntries();
}

function redrawEntries() {
  const rows = entries.filter(passes).slice(0, SHOWN).map(entryRow);
  refill(list, rows.length ? rows : el("li", { class: "muted nothing" }, t("ui.no-events")));
  drawSummary();
}

function drawSummary() {
  const parts = [sequences.text(), skipped > 0 ? t("ui.skipped", { count: skipped }) : ""];
  summary.textContent = parts.filter(Boolean).join(" · ");
  summary.classList.toggle("bad", sequences.missing > 0);
}

/** New entries of the logs; `first` when they are all that the bench still has. */
export function logHeard({ messages = [], notes = [] }, first) {
  if (first) {
    entries = [];
    sequences = new Sequences(KEPT);
    last = skipped = 0;
  }
  const heard = [...messages, ...notes.map((note) => ({ ...note, note: true }))];
  for (const entry of heard) {
    if (entry.topic?.startsWith("event/")) sequences.add(entry.payload);
    if (entry.topic?.startsWith("command/")) remember(entry);
    if (!first) announce(entry);
  }
  heard.sort((one, other) => (one.at < other.at ? 1 : one.at > other.at ? -1 : other.n - one.n));
  entries = [...heard, ...entries].slice(0, KEPT);
  if (messages.length) {
    skipped += messages[0].n - last - 1;
    last = messages.at(-1).n;
  }
  if (first) return redrawEntries();
  const rows = heard.filter(passes).map(entryRow);
  if (rows.length) {
    list.querySelector(".nothing")?.remove();
    list.prepend(...rows);
    while (list.children.length > SHOWN) list.lastChild.remove();
  }
  drawSummary();
}

/** Which command had which id, so that its replies can be understood. */
function remember({ topic, payload }) {
  asked.set(payload?.id, topic.slice("command/".length));
  if (asked.size > KEPT) asked.delete(asked.keys().next().value);
}

function announce(entry) {
  if (entry.note && entry.code !== "process-told") toast(sentence(entry), "bad");
  const { status } = entry.payload ?? {};
  if (entry.topic?.startsWith("reply") && ["rejected", "failed", "expired", "not-sent", "no-answer"].includes(status))
    toast(sentence(entry), "bad");
}

/** What the bench has to say stands among the events: it explains them. */
function family(entry) {
  return entry.note ? "events-only" : (FAMILIES[entry.topic.split("/")[0]] ?? "states-only");
}

function passes(entry) {
  if (filter !== "everything" && filter !== family(entry)) return false;
  return wanted === "" || `${sentence(entry)} ${JSON.stringify(entry)}`.toLowerCase().includes(wanted.toLowerCase());
}

function entryRow(entry) {
  const detail = el("pre");
  const fold = el(
    "details",
    {},
    el(
      "summary",
      {},
      el("time", {}, clock(entry.payload?.time ?? entry.at)),
      el("span", { class: "what" }, sentence(entry)),
      el("code", {}, entry.note ? "" : entry.topic),
    ),
    detail,
  );
  fold.addEventListener("toggle", () => {
    if (fold.open && !detail.textContent)
      detail.textContent = JSON.stringify(entry.note ? entry : entry.payload, null, 2);
  });
  return el("li", { class: `entry ${family(entry)} ${noun(entry)}` }, fold);
}

const noun = (entry) => (entry.note ? "note" : (entry.topic.split("/")[1] ?? ""));

/** One entry in words. */
function sentence(entry) {
  if (entry.note) return noteText(entry);
  const [family, ...rest] = entry.topic.split("/");
  const payload = entry.payload ?? {};
  if (family === "event") return eventText(rest.join("."), payload.data ?? {});
  if (family === "command") return t("message.command", { topic: rest.join("/") });
  if (family === "reply") return replyText(payload);
  return standingText(entry.topic, payload);
}

function eventText(type, data) {
  const key = `event.${type}`;
  if (!known(key)) return type;
  const values = { ...data };
  if (data.level !== undefined) values.level = code("level", data.level);
  values.counter = titleOf("counters", data.counter);
  values.service = titleOf("services", data.service);
  values.to_service = titleOf("services", data.to_service);
  if (data.reason !== undefined) values.reason = reason(data.reason);
  if (data.state !== undefined) values.state = code("state", data.state);
  if (data.due_at !== undefined) values.due_at = dayAndMinute(data.due_at);
  if (data.alert !== undefined) values.alert = code("alert", data.alert);
  if (type === "alert.raised") values.detail = alertDetail(data);
  if (type.startsWith("alert.")) values.about = titleOfAny(data.about);
  values.priority = unusual(data.priority);
  if (type === "readiness.checked") values.result = code("result", data.result);
  if (type === "figures.closed") values.tickets = data.tickets?.issued;
  values.reasons = because(data.reasons);
  if (typeof data.text === "string") values.text = data.text.replaceAll("\n", " ");
  return t(key, values);
}

const unusual = (priority) =>
  priority === undefined || priority === "ordinary" ? "" : t("ui.because", { why: code("priority", priority) });

function replyText(payload) {
  const values = {
    command: asked.get(payload.id) ?? "",
    status: code("status", payload.status),
    reason: reason(payload.reason),
  };
  return t(payload.reason ? "message.reply-why" : "message.reply", values);
}

function standingText(name, payload) {
  const [kind, which] = name.split("/");
  if (kind === "queue") return `${titleOf("services", which)}: ${t("ui.waiting", { count: payload.waiting ?? "–" })}`;
  if (kind === "counter") {
    const serving = payload.number ? `${t("ui.serving")} ${payload.number}` : t("ui.nobody");
    return `${titleOf("counters", which)}: ${code("state", payload.state)} · ${serving}`;
  }
  if (kind === "alerts") return `${t("ui.alerts")}: ${payload.open ?? "–"}`;
  if (kind === "readiness") return `${t("ui.readiness")}: ${code("result", payload.result)}`;
  if (kind === "figures") return t("message.figures", { day: payload.day, tickets: payload.tickets?.issued });
  return `${which ?? name}: ${code("state", payload.state)} ${because(payload.reasons)}`.trim();
}

function noteText(note) {
  const values = { ...note, name: t(`ui.${note.name}`), error: note.errors?.at(-1) ?? "" };
  if (note.action) values.action = t(`ui.${note.action}`);
  return t(`note.${note.code}`, values);
}
