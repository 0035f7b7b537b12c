// How the daemon and the broker are, and the ways to end them.

import { tellProcess } from "./api.js";
import { el, patch } from "./dom.js";
import { bench, item, onChange, topic } from "./picture.js";
import { t } from "./words.js";

const place = document.getElementById("health");
const PHASES = { running: "ui.running", waiting: "ui.waiting-restart", stopped: "ui.stopped" };
const ACTIONS = {
  daemon: { running: ["kill", "stop", "restart"], waiting: ["stop"], stopped: ["start"] },
  broker: { running: ["stop", "restart"], waiting: ["stop"], stopped: ["start"] },
};

/** Draw it anew. */
export function redrawHealth() {
  patch(place, kioskPill(), programPill("daemon"), programPill("broker"), ["watch", "send"].map(helperPill));
}

onChange((names) => {
  if (!names.has("bench") && [...names].some((name) => name === "topic/status" || name.startsWith("process/")))
    redrawHealth();
});

function kioskPill() {
  const status = topic("status");
  const state = status?.state ?? "not-heard";
  const bad = status?.store === "failing";
  return el(
    "span",
    { class: `pill ${bad ? "bad" : state === "online" ? "good" : ""}`, "data-pill": "kiosk" },
    el("i"),
    el("b", {}, bench().kiosk),
    t(bad ? "ui.store-failing" : `ui.${state}`),
  );
}

function programPill(name) {
  const program = item(`process/${name}`);
  if (!program)
    return el("span", { class: "pill", "data-pill": name }, el("i"), el("b", {}, t(`ui.${name}`)), t("ui.no-daemon"));
  const tone = { running: "good", waiting: "warn", stopped: "bad" }[program.phase];
  const label = name === "broker" ? bench().broker.name : t(`ui.${name}`);
  const tell = (action) =>
    el(
      "button",
      { type: "button", "data-key": `${name}-${action}`, onclick: () => tellProcess(name, action) },
      t(`ui.${action}`),
    );
  return el(
    "span",
    { class: `pill ${tone}`, "data-pill": name, title: title(name, program) },
    el("i"),
    el("b", {}, label),
    t(PHASES[program.phase]),
    name === "broker" && !bench().broker.speaks_mqtt_5 ? el("span", { class: "tag" }, t("ui.amqtt")) : null,
    ACTIONS[name][program.phase].map(tell),
  );
}

function title(name, program) {
  const lines = [program.pid ? t("ui.pid", { pid: program.pid }) : ""];
  if (name === "broker") lines.push(`127.0.0.1:${bench().broker.port}`);
  if (name === "daemon") lines.push(`${t("ui.configuration")}: ${bench().configuration}`);
  if (program.errors.length) lines.push(`${t("ui.errors")}:`, ...program.errors.slice(-8));
  return lines.filter(Boolean).join("\n");
}

/** The bench's own programs are shown only while they do not run. */
function helperPill(name) {
  const program = item(`process/${name}`);
  if (!program || program.phase === "running") return null;
  return el(
    "span",
    { class: "pill warn", "data-pill": name, title: title(name, program) },
    el("i"),
    el("b", {}, t(`ui.${name}`)),
    t(PHASES[program.phase]),
  );
}
