// The check before opening: asked for here, and what the last one found.

import { tellDaemon } from "./api.js";
import { el, patch } from "./dom.js";
import { follow } from "./parts.js";
import { topic } from "./picture.js";
import { clock, code, reason, t } from "./words.js";

const MARKS = new Map([
  [true, "✓"],
  [false, "✗"],
]);

/** The button, the result in a line, and every item under it. */
export function readinessPart() {
  const result = el("span", { class: "result", role: "status" });
  const items = el("ul", { class: "items" });
  follow(["topic/readiness"], () => {
    const report = topic("readiness");
    const known = Array.isArray(report?.items);
    result.textContent = known ? `${code("result", report.result)} · ${clock(report.checked_at)}` : t("ui.not-checked");
    result.classList.toggle("bad", known && report.result === "not-ready");
    patch(items, known ? worstFirst(report.items).map(itemRow) : []);
  });
  const check = () => tellDaemon("readiness/check");
  return el(
    "details",
    { class: "readiness" },
    el("summary", {}, el("b", {}, t("ui.readiness")), " ", result),
    el("div", {}, el("button", { type: "button", "data-action": "check", onclick: check }, t("ui.check")), items),
  );
}

const worstFirst = (items) => [...items].sort((one, other) => rank(one) - rank(other));
const rank = (item) => (item?.ok === false ? 0 : item?.ok === true ? 2 : 1);

function itemRow(item) {
  const reasons = Array.isArray(item?.reasons) ? item.reasons.map(reason).join(t("ui.between-reasons")) : "";
  return el(
    "li",
    { title: item?.detail },
    el("b", {}, MARKS.get(item?.ok) ?? "?"),
    ` ${code("kind", item?.item)} `,
    el("span", { class: "muted" }, [code("state", item?.state), reasons].filter(Boolean).join(" · ")),
  );
}
