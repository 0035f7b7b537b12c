// The hall: where numbers are taken, the counters that call them, and the desk of whoever supervises it.

import { alertsPart } from "./alerts.js";
import { counterCard } from "./counter.js";
import { deviceCard } from "./devices.js";
import { el, refill } from "./dom.js";
import { figuresPart } from "./figures.js";
import { follow, remake } from "./parts.js";
import { bench } from "./picture.js";
import { readinessPart } from "./readiness.js";
import { servicesPart } from "./services.js";
import { t } from "./words.js";

const kiosk = document.getElementById("kiosk");
const counters = document.getElementById("counters");
const office = document.getElementById("office");

/** Draw the whole hall anew: for another bench, or another language. */
export function redrawHall() {
  remake(() => {
    const placed = new Set();
    const card = (name) => {
      placed.add(name);
      const made = deviceCard(name);
      follow(["topic/status", `device/${name}`, `topic/device/${name}`], () => made.show());
      return made.node;
    };
    refill(kiosk, el("h2", {}, t("ui.kiosk")), servicesPart(), printers().map(card));
    const windows = Object.entries(bench().counters).map(([name, counter]) => counterCard(name, counter, card));
    const others = Object.keys(bench().devices)
      .filter((name) => !placed.has(name))
      .map(card);
    refill(
      counters,
      windows,
      others.length ? el("section", { class: "counter others" }, el("h2", {}, t("ui.others")), others) : null,
    );
    refill(office, alertsPart(), readinessPart(), figuresPart());
  });
}

function printers() {
  const { services, devices, simulators } = bench();
  const named = new Set(Object.values(services).map((service) => service.printer));
  return Object.keys(devices).filter((name) => simulators[name]?.kind === "printer" || named.has(name));
}
