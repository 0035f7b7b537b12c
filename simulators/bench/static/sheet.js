// The sheet of one device: everything it can be told, what is not imitated, and the bytes on its wire.

import { tellDaemon, tellDevice } from "./api.js";
import { el, patch, refill } from "./dom.js";
import { condition } from "./device.js";
import { bench, item, onChange } from "./picture.js";
import { clock, known, reason, t } from "./words.js";

const LINE_COMMANDS = ["silent", "deaf", "half", "garbage-next", "noise", "cut", "restore"];
const SHOWN_PIECES = 60;

const sheet = document.getElementById("sheet");
const pieces = new Map();
const head = el("div", { class: "sheet-head" });
const wire = el("ol", { class: "wire", tabindex: 0 });
let shown;

/** Show the sheet of device `name`. */
export function openSheet(name) {
  shown = name;
  sheet.hidden = false;
  redrawSheet();
  sheet.querySelector("button")?.focus();
}

function close() {
  const name = shown;
  shown = undefined;
  sheet.hidden = true;
  document.querySelector(`[data-key="faults-${CSS.escape(name)}"]`)?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && shown) close();
});

/** Draw the open sheet anew, in the language of now. */
export function redrawSheet() {
  if (!shown) return;
  const simulator = bench().simulators[shown];
  drawHead();
  drawWire();
  const parts = simulator
    ? [
        simulator.kind === "display" ? showText(shown) : null,
        commands(simulator),
        notImitated(simulator),
        el("h3", {}, t("ui.wire")),
        wire,
      ]
    : [];
  refill(sheet, head, ...parts);
}

onChange((names) => {
  if (shown && ["topic/status", `topic/device/${shown}`, `device/${shown}`].some((name) => names.has(name))) drawHead();
});

function drawHead() {
  const device = bench().devices[shown];
  const { state, reasons, detail } = condition(shown);
  const faults = item(`device/${shown}`)?.faults ?? [];
  patch(
    head,
    el(
      "div",
      { class: "sheet-title" },
      el("h2", {}, shown),
      el("button", { type: "button", class: "quiet", onclick: close }, t("ui.close")),
    ),
    el(
      "p",
      { class: `device-head ${state ?? "unheard"}` },
      el("span", { class: "dot" }),
      el("span", { class: "state" }, state ? t(`state.${state}`) : t("ui.unknown-yet")),
      el("span", {}, device.driver),
    ),
    reasons.length
      ? el(
          "ul",
          { class: "reasons" },
          reasons.map((code) => el("li", {}, el("code", {}, code), " ", reason(code))),
        )
      : null,
    detail ? el("p", { class: "muted" }, detail) : null,
    el("p", { class: "link" }, t("ui.link"), " ", el("code", {}, bench().simulators[shown]?.link ?? device.link)),
    faults.length
      ? el(
          "p",
          { class: "tags" },
          faults.map((fault) => el("span", { class: "tag bad" }, t(`command.line.${fault}`))),
        )
      : null,
  );
}

function commands(simulator) {
  const driver = bench().devices[shown].driver;
  const groups = [
    ["ui.device", driver, (name) => !LINE_COMMANDS.includes(name)],
    ["ui.cable", "line", (name) => LINE_COMMANDS.includes(name)],
  ];
  return groups.map(([title, family, belongs]) => [
    el("h3", {}, t(title)),
    el(
      "div",
      { class: "commands" },
      Object.entries(simulator.commands)
        .filter(([name]) => belongs(name))
        .map(([name, command]) => commandRow(name, command, `command.${family}.${name}`)),
    ),
  ]);
}

function commandRow(name, { usage, help }, key) {
  const label = known(key) ? t(key) : help;
  const device = shown;
  if (usage === "[off]") {
    const set = (word) =>
      el("button", { type: "button", onclick: () => tellDevice(device, `${name} ${word}`) }, t(`ui.${word}`));
    return row(name, label, help, el("span", { class: "pair" }, set("on"), set("off")));
  }
  const field = argument(usage, label);
  const send = (event) => {
    event.preventDefault();
    tellDevice(device, `${name} ${field?.value ?? ""}`.trim());
  };
  return row(
    name,
    label,
    help,
    el("form", { class: "pair", onsubmit: send }, field, el("button", { "data-command": name }, t("ui.do"))),
  );
}

/** A text for a board, by way of the daemon. */
function showText(display) {
  const text = el("textarea", { rows: 2, maxlength: 200, required: true, "aria-label": t("ui.on-display") });
  const send = (event) => {
    event.preventDefault();
    tellDaemon("display/show", { display, text: text.value });
  };
  return [
    el("h3", {}, t("ui.on-display")),
    el("form", { class: "show-text", onsubmit: send }, text, el("button", {}, t("ui.show"))),
  ];
}

function row(name, label, help, control) {
  return el(
    "div",
    { class: "command", title: help },
    el("span", {}, el("b", {}, label), el("code", {}, name)),
    control,
  );
}

function argument(usage, label) {
  if (!usage) return null;
  if (/^[a-z0-9-]+(\|[a-z0-9-]+)+$/.test(usage)) {
    return el(
      "select",
      { "aria-label": label },
      usage.split("|").map((choice) => el("option", {}, choice)),
    );
  }
  return el("input", { type: "text", placeholder: usage, title: usage, maxlength: 80, "aria-label": label });
}

function notImitated(simulator) {
  return el(
    "details",
    {},
    el("summary", {}, t("ui.not-imitated")),
    el("p", { class: "muted" }, simulator.does_not_imitate),
  );
}

/** New pieces that passed over the wires. */
export function wireHeard(entries, first) {
  if (first) pieces.clear();
  for (const entry of entries) {
    const kept = pieces.get(entry.device) ?? [];
    kept.push(entry);
    pieces.set(entry.device, kept.slice(-SHOWN_PIECES));
  }
  if (shown && entries.some((entry) => entry.device === shown)) drawWire();
}

function drawWire() {
  const kept = pieces.get(shown) ?? [];
  const rows = kept
    .toReversed()
    .map((entry) =>
      el(
        "li",
        { class: entry.direction },
        el("time", {}, clock(entry.at)),
        el("b", { title: t(`ui.${entry.direction}`) }, entry.direction === "to-device" ? "→" : "←"),
        el("code", {}, entry.bytes),
        el("code", { class: "ascii" }, ascii(entry.bytes)),
      ),
    );
  patch(wire, rows.length ? rows : el("li", { class: "muted" }, t("ui.wire-none")));
}

const ascii = (hex) =>
  hex
    .split(" ")
    .map((byte) => parseInt(byte, 16))
    .map((value) => (value >= 0x20 && value < 0x7f ? String.fromCharCode(value) : "·"))
    .join("");
