// A counter: its board and devices, whether it serves, and the buttons of whoever sits there.

import { tellDaemon } from "./api.js";
import { el } from "./dom.js";
import { choice, field, line } from "./forms.js";
import { follow } from "./parts.js";
import { bench, topic } from "./picture.js";
import { code, t } from "./words.js";

const PRESENT = ["recall", "skip", "finish"]; // what is done with the number that is being served

/** The counter of this name; `card` makes the card of a device. */
export function counterCard(name, counter, card) {
  const tell = (command, data = {}) => tellDaemon(command, { counter: name, ...data });
  const devices = [counter.panel, counter.phone].filter(Boolean);
  return el(
    "section",
    { class: "counter", "data-counter": name },
    head(name, counter),
    el(
      "div",
      { class: "call" },
      counter.display ? card(counter.display) : null,
      el("div", { class: "actions" }, callNext(tell), more(tell), buttons(counter, tell)),
    ),
    el("div", { class: "desk" }, devices.map(card)),
  );
}

function head(name, counter) {
  const state = el("span", { class: "stand" });
  const serving = el("span", { class: "serving" });
  follow([`topic/counter/${name}`], () => {
    const stands = topic(`counter/${name}`) ?? {};
    serving.textContent = stands.number ? `${t("ui.serving")} ${stands.number}` : t("ui.nobody");
    serving.classList.toggle("busy", Boolean(stands.number));
    const words = [code("state", stands.state), stands.staff, stands.reason];
    state.textContent = words.filter(Boolean).join(" ") || "–";
    state.classList.toggle("bad", ["paused", "closed"].includes(stands.state));
  });
  return el("div", { class: "counter-head" }, el("h2", {}, counter.name ?? name), state, serving);
}

function callNext(tell) {
  const made = button("next", "ui.next", () => tell("ticket/next"));
  made.classList.add("primary");
  return made;
}

function buttons(counter, tell) {
  const made = PRESENT.map((action) => button(action, `ui.${action}`, () => tell(`ticket/${action}`)));
  if (counter.panel) made.push(button("invite", "ui.invite", () => tell("rating/open")));
  return made;
}

const button = (action, key, onclick) => el("button", { type: "button", "data-action": action, onclick }, t(key));

/** What is seldom done: who sits there, pauses, numbers sent on, calls taken back. */
function more(tell) {
  const staff = field("ui.staff", { maxlength: 16, pattern: "[0-9A-Za-z\\-]+" });
  const reason = field("ui.pause-reason", { maxlength: 40 });
  const services = Object.entries(bench().services).map(([name, service]) => [name, service.name ?? name]);
  const service = choice("ui.to-service", services);
  return el(
    "details",
    { class: "more" },
    el("summary", {}, t("ui.more")),
    el(
      "div",
      { class: "orders" },
      line("open", "ui.open-counter", [staff], () => tell("counter/open", given({ staff }))),
      line("pause", "ui.pause", [reason], () => tell("counter/pause", given({ reason }))),
      line("transfer", "ui.transfer", [service], () => tell("ticket/transfer", given({ service }))),
      el(
        "div",
        { class: "line" },
        button("uncall", "ui.uncall", () => tell("ticket/uncall")),
        button("close", "ui.close-counter", () => tell("counter/close")),
      ),
    ),
  );
}

/** The values of the fields that are filled in. */
function given(fields) {
  const filled = Object.entries(fields).map(([name, { value }]) => [name, value.trim()]);
  return Object.fromEntries(filled.filter(([, value]) => value));
}
