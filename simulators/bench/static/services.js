// Where visitors take numbers: a button a service, with how its queue stands.

import { tellDaemon } from "./api.js";
import { el } from "./dom.js";
import { choice } from "./forms.js";
import { follow } from "./parts.js";
import { bench, topic } from "./picture.js";
import { duration, t } from "./words.js";

const PRIORITIES = ["ordinary", "appointment", "elderly", "disabled", "emergency"];

/** The buttons, and who the next visitor is: whoever comes after that is an ordinary one again. */
export function servicesPart() {
  const pairs = PRIORITIES.map((priority) => [priority, t(`priority.${priority}`)]);
  const priority = choice("ui.priority", pairs, { "data-key": "priority" });
  const take = (service) => {
    tellDaemon("ticket/take", { service, priority: priority.value });
    priority.value = PRIORITIES[0];
  };
  const buttons = Object.entries(bench().services).map(([name, service]) => serviceButton(name, service, take));
  return [el("label", { class: "priority" }, t("ui.priority"), priority), el("div", { class: "services" }, buttons)];
}

function serviceButton(name, service, take) {
  const figures = el("span", { class: "figures" });
  follow([`topic/queue/${name}`], () => (figures.textContent = queueText(topic(`queue/${name}`))));
  return el(
    "button",
    { type: "button", class: "service", "data-service": name, title: t("ui.take"), onclick: () => take(name) },
    el("strong", {}, service.name ?? name),
    figures,
  );
}

/** Who waits, the longest of them, and how long a visitor who comes now will: a dash where nobody can know. */
function queueText(queue) {
  if (!queue) return "–";
  const parts = [t("ui.waiting", { count: queue.waiting })];
  if (Number.isFinite(queue.longest_wait_s)) parts.push(t("ui.longest", { time: duration(queue.longest_wait_s) }));
  parts.push(t("ui.forecast", { time: duration(queue.forecast_s) }));
  return parts.join(" · ");
}
