// The four kinds of devices, as a person in front of them would see them.

import { tellDevice } from "./api.js";
import { Board } from "./board.js";
import { DeviceCard } from "./device.js";
import { el, patch, svg } from "./dom.js";
import { Roll } from "./paper.js";
import { bench } from "./picture.js";
import { code, t } from "./words.js";

const CENTERM_LEVELS = [5, 4, 2];

/** The card of device `name`. */
export function deviceCard(name) {
  const device = bench().devices[name];
  const kind = bench().simulators[name] ? device.driver : "real";
  return (CARDS[kind] ?? plainCard)(name, device);
}

/** A real device, which only the daemon sees, or a kind that has no picture yet. */
function plainCard(name, device) {
  const link = device.link ?? bench().simulators[name]?.link;
  return new DeviceCard(name, el("p", { class: "link muted" }, el("code", {}, link)), () => {});
}

function printerCard(name) {
  const roll = new Roll(name);
  const front = el("div", { class: "front" });
  const body = el("div", { class: "printer" }, roll.node, front);
  return new DeviceCard(name, body, (state) => {
    const { status } = state;
    const fault =
      status.cutter_error || status.unrecoverable_error || status.auto_recoverable_error || status.cover_open;
    roll.show(state.slips);
    patch(
      front,
      el("div", { class: "slot" }),
      lamp("ui.lamp-power", state.powered ? "on" : ""),
      lamp("ui.lamp-paper", state.powered ? (status.paper_end ? "bad" : status.paper_near_end ? "warn" : "on") : ""),
      lamp("ui.lamp-error", state.powered && fault ? "bad" : ""),
      el(
        "button",
        { type: "button", "data-key": "take", onclick: () => tellDevice(name, "take-slips") },
        t("ui.clear-paper"),
      ),
    );
    front.classList.toggle("printing", Boolean(state.printing));
  });
}

const lamp = (key, lit) => el("span", { class: `lamp ${lit}` }, el("i"), t(key));

function displayCard(name) {
  const board = new Board();
  const spoken = el("p", { class: "muted" });
  return new DeviceCard(name, el("div", {}, board.node, spoken), (state) => {
    board.show(state);
    spoken.textContent = state.spoken.length ? t("ui.spoken", { text: state.spoken.at(-1) }) : "";
  });
}

function centermCard(name, device) {
  const levels = device.levels ?? CENTERM_LEVELS;
  const body = el("div", { class: "panel" });
  return new DeviceCard(name, body, (state) => {
    const keys = state.keys.map(({ key }, index) => ({
      word: String(key),
      level: levels[index],
      down: state.stuck === key,
    }));
    patch(
      body,
      keyRow(name, keys),
      el("p", { class: state.asking ? "asking" : "muted" }, t(state.asking ? "ui.asking" : "ui.idle")),
    );
  });
}

function keypadCard(name) {
  const body = el("div", { class: "panel" });
  return new DeviceCard(name, body, (state) => {
    const byLevel = new Map();
    for (const key of state.keys) {
      const shown = byLevel.get(key.level);
      byLevel.set(key.level, { word: String(key.level), level: key.level, down: Boolean(shown?.down || key.down) });
    }
    const keys = [...byLevel.values()].sort((one, other) => other.level - one.level);
    const last = state.last_press ? t("ui.last-press", { key: state.last_press }) : "";
    patch(body, keyRow(name, keys), el("p", { class: "muted" }, last));
  });
}

function keyRow(name, keys) {
  return el(
    "div",
    { class: "keys" },
    keys.map(({ word, level, down }) =>
      el(
        "button",
        {
          type: "button",
          class: `key level-${level}${down ? " down" : ""}`,
          "data-key": `key-${word}`,
          "data-level": level,
          onclick: () => tellDevice(name, `press ${word}`),
        },
        face(level),
        el("span", {}, hyphenated(code("level", level))),
      ),
    ),
  );
}

/** With a place to break the one long word of these keys. */
const hyphenated = (label) => label.replace(/(satis)(fied)/i, "$1\u00ad$2");

const MOUTHS = {
  5: "M9 18q7 8 14 0z",
  4: "M10 19q6 5 12 0",
  3: "M10 20h12",
  2: "M10 22q6 -5 12 0",
  1: "M9 24q7 -9 14 0",
};

function face(level) {
  return svg(
    "svg",
    { viewBox: "0 0 32 32", "aria-hidden": "true" },
    svg("circle", { cx: 16, cy: 16, r: 14 }),
    svg("circle", { class: "eye", cx: 11, cy: 12, r: 1.8 }),
    svg("circle", { class: "eye", cx: 21, cy: 12, r: 1.8 }),
    svg("path", { d: MOUTHS[level] ?? MOUTHS[3] }),
  );
}

const HANDSET = "M7 4l4 1 1 5-3 2c1.500 4 4 6.500 8 8l2-3 5 1 1 4c0 2-2 3-4 3C13 25 7 17 4 8c0-2 1-4 3-4z";

function phoneCard(name) {
  const rings = el("input", {
    type: "number",
    min: 1,
    max: 1000,
    value: 6,
    size: 3,
    "aria-label": t("ui.rings"),
    title: t("ui.rings"),
  });
  const number = el("input", {
    type: "tel",
    value: "13800138000",
    maxlength: 20,
    "aria-label": t("ui.number"),
    title: t("ui.number"),
  });
  const status = el("p", { class: "phone-status" });
  const buttons = el("div", { class: "buttons" });
  const bell = svg("svg", { viewBox: "0 0 32 32", class: "bell", "aria-hidden": "true" }, svg("path", { d: HANDSET }));
  const body = el(
    "div",
    { class: "phone" },
    bell,
    el("div", { class: "phone-side" }, status, el("div", { class: "caller" }, rings, number), buttons),
  );
  const button = (key, command, disabled) =>
    el(
      "button",
      { type: "button", disabled, "data-key": key, onclick: () => tellDevice(name, command()) },
      t(`ui.${key}`),
    );
  return new DeviceCard(name, body, (state) => {
    body.classList.toggle("ringing", state.ringing);
    body.classList.toggle("lifted", state.off_hook);
    status.textContent = phoneStatus(state);
    const ring = () => `ring ${rings.value} ${number.value}`.trim();
    patch(
      buttons,
      state.calling ? button("give-up", () => "give-up") : button("ring", ring, state.off_hook),
      state.off_hook ? button("hang-up", () => "hang-up") : button("pick-up", () => "pick-up"),
    );
  });
}

function phoneStatus(state) {
  if (state.off_hook) return t("ui.off-hook");
  if (state.ringing) return t("ui.ringing", { count: state.rings });
  return t(state.calling ? "ui.between" : "ui.on-hook");
}

const CARDS = { escpos: printerCard, bx: displayCard, centerm: centermCard, keypad: keypadCard, modem: phoneCard };
