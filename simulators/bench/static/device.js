// What every device has on the page: a name, how the daemon finds it, and a way to its faults.

import { el, patch } from "./dom.js";
import { bench, item, topic } from "./picture.js";
import { openSheet } from "./sheet.js";
import { reason, t } from "./words.js";

/** How the daemon says a device is: { state, reasons, detail }; what it said before it went is no longer true. */
export function condition(name) {
  const said = topic(`device/${name}`);
  if (!said?.state) return { state: undefined, reasons: [], detail: "" };
  if (topic("status")?.state === "offline") return { state: "unknown", reasons: ["daemon-offline"], detail: "" };
  // anybody may publish anything
  return { state: said.state, reasons: Array.isArray(said.reasons) ? said.reasons : [], detail: said.detail };
}

const LISTED = 2;

/** The line over a device: its name, state and reasons, and the button to its faults. */
export function deviceHead(name) {
  const { state, reasons, detail } = condition(name);
  const simulated = bench().simulators[name];
  const cut = item(`device/${name}`)?.cut;
  const why = reasons.slice(0, LISTED).map(reason).join(t("ui.between-reasons"));
  return el(
    "header",
    { class: `device-head ${state ?? "unheard"}` },
    el("span", { class: "dot" }),
    el("strong", {}, name),
    el("span", { class: "state" }, state ? t(`state.${state}`) : "–"),
    el(
      "span",
      { class: "why", title: [...reasons.map(reason), detail].filter(Boolean).join("\n") },
      state ? why : t("ui.unknown-yet"),
    ),
    cut ? el("span", { class: "tag bad" }, t("ui.cut-cable")) : null,
    simulated ? null : el("span", { class: "tag" }, t("ui.real")),
    el(
      "button",
      { type: "button", class: "quiet", "data-key": `faults-${name}`, onclick: () => openSheet(name) },
      t("ui.faults"),
    ),
  );
}

/** A place for a device's card: `head` is drawn anew for each change, `body` by whoever knows the device. */
export class DeviceCard {
  constructor(name, body, draw) {
    this.name = name;
    this.draw = draw;
    this.head = el("div");
    this.body = body;
    this.node = el("article", { class: "device", "data-device": name }, this.head, body);
  }

  show() {
    patch(this.head, deviceHead(this.name));
    const seen = item(`device/${this.name}`);
    this.node.classList.toggle("cut", Boolean(seen?.cut));
    if (seen) this.draw(seen.state);
  }
}
