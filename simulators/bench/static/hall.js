// The hall: where numbers are taken, and the counters that call them.

import { tellDaemon } from "./api.js";
import { deviceCard } from "./devices.js";
import { el, refill } from "./dom.js";
import { bench, onChange, topic } from "./picture.js";
import { duration, t } from "./words.js";

const kiosk = document.getElementById("kiosk");
const counters = document.getElementById("counters");
const ACTIONS = ["next", "recall", "skip", "finish"];
let drawers = [];

/** Draw the whole hall anew: for another bench, or another language. */
export function redrawHall() {
  drawers = [];
  const placed = new Set();
  const card = (name) => {
    placed.add(name);
    const made = deviceCard(name);
    drawers.push({ needs: ["topic/status", `device/${name}`, `topic/device/${name}`], show: () => made.show() });
    return made.node;
  };
  const { services, counters: windows, devices, simulators } = bench();
  const isPrinter = (name) =>
    simulators[name]?.kind === "printer" || Object.values(services).some((service) => service.printer === name);
  refill(
    kiosk,
    el("h2", {}, t("ui.kiosk")),
    el(
      "div",
      { class: "services" },
      Object.entries(services).map(([name, service]) => serviceButton(name, service)),
    ),
    Object.keys(devices).filter(isPrinter).map(card),
  );
  const windowCards = Object.entries(windows).map(([name, counter]) => counterCard(name, counter, card));
  const others = Object.keys(devices)
    .filter((name) => !placed.has(name))
    .map(card);
  refill(
    counters,
    windowCards,
    others.length ? el("section", { class: "counter others" }, el("h2", {}, t("ui.others")), others) : null,
  );
  for (const drawer of drawers) drawer.show();
}

onChange((names) => {
  if (names.has("bench")) return;
  for (const { needs, show } of drawers) if (needs.some((name) => names.has(name))) show();
});

function serviceButton(name, service) {
  const figures = el("span", { class: "figures" });
  drawers.push({
    needs: [`topic/queue/${name}`],
    show: () => (figures.textContent = queueText(topic(`queue/${name}`))),
  });
  return el(
    "button",
    {
      type: "button",
      class: "service",
      "data-service": name,
      title: t("ui.take"),
      onclick: () => tellDaemon("ticket/take", { service: name }),
    },
    el("strong", {}, service.name ?? name),
    figures,
  );
}

function queueText(queue) {
  if (!queue) return "–";
  const longest = queue.longest_wait_s;
  const waiting = t("ui.waiting", { count: queue.waiting });
  return longest === null || longest === undefined
    ? waiting
    : `${waiting} · ${t("ui.longest", { time: duration(longest) })}`;
}

function counterCard(name, counter, card) {
  const serving = el("span", { class: "serving" });
  const show = () => {
    const number = topic(`counter/${name}`)?.number;
    serving.textContent = number ? `${t("ui.serving")} ${number}` : t("ui.nobody");
    serving.classList.toggle("busy", Boolean(number));
  };
  drawers.push({ needs: [`topic/counter/${name}`], show });
  const order = (command) => () => tellDaemon(command, { counter: name });
  const buttons = ACTIONS.map((action) =>
    el(
      "button",
      {
        type: "button",
        class: action === "next" ? "primary" : "",
        "data-action": action,
        onclick: order(`ticket/${action}`),
      },
      t(`ui.${action}`),
    ),
  );
  if (counter.panel)
    buttons.push(
      el("button", { type: "button", "data-action": "invite", onclick: order("rating/open") }, t("ui.invite")),
    );
  return el(
    "section",
    { class: "counter", "data-counter": name },
    el("div", { class: "counter-head" }, el("h2", {}, counter.name ?? name), serving),
    el(
      "div",
      { class: "call" },
      counter.display ? card(counter.display) : null,
      el("div", { class: "actions" }, buttons),
    ),
    el(
      "div",
      { class: "desk" },
      ["panel", "phone"]
        .map((key) => counter[key])
        .filter(Boolean)
        .map(card),
    ),
  );
}
