// The page: listens to the bench, and hands on what it says.

import { redrawHall } from "./hall.js";
import { redrawHealth } from "./health.js";
import { logHeard, redrawLog } from "./log.js";
import { bench, onChange, update } from "./picture.js";
import { redrawSheet, wireHeard } from "./sheet.js";
import { chosenByHand, language, speak, t } from "./words.js";

const SILENCE_MS = 25000; // the bench says something every 10 s
const RETRY_MS = 1000;

function redraw() {
  document.title = `kioskd ${t("ui.title")}`;
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", t(node.dataset.label));
  redrawLog();
  if (!bench()) return;
  document.getElementById("hall").textContent = bench().title;
  redrawHealth();
  redrawHall();
  redrawSheet();
}

document.getElementById("language").addEventListener("click", () => {
  speak(language() === "en" ? "zh-CN" : "en", true);
  redraw();
});

onChange((names) => {
  if (!names.has("bench")) return;
  if (!chosenByHand()) speak(bench().language);
  redraw();
});

/** Listen; an EventSource reconnects by itself, but not from every kind of end, nor from a line that is merely dead. */
function listen() {
  const source = new EventSource("/updates");
  let heard = Date.now();
  const watchdog = setInterval(() => {
    if (source.readyState === EventSource.CLOSED || Date.now() - heard > SILENCE_MS) {
      clearInterval(watchdog);
      source.close();
      listen();
    }
  }, RETRY_MS);
  source.addEventListener("alive", () => (heard = Date.now()));
  source.addEventListener("message", (event) => {
    heard = Date.now();
    document.getElementById("lost").hidden = true;
    const said = JSON.parse(event.data);
    update(said);
    logHeard(said.logs, said.first);
    wireHeard(said.logs.wire ?? [], said.first);
  });
  source.addEventListener("error", () => (document.getElementById("lost").hidden = false));
}

speak(language());
redraw();
listen();
