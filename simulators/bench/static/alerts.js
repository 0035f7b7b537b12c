// The open alerts: seen by somebody, and the bad ratings among them dealt with.

import { alertDetail } from "./alert-detail.js";
import { tellDaemon } from "./api.js";
import { el, patch } from "./dom.js";
import { field, line } from "./forms.js";
import { titleOfAny } from "./names.js";
import { follow } from "./parts.js";
import { topic } from "./picture.js";
import { clock, code, t } from "./words.js";

/** The list, and who says that an alert was seen. */
export function alertsPart() {
  const by = field("ui.by", { maxlength: 40, value: t("ui.office") });
  const none = el("span", { class: "muted" }, t("ui.no-alerts"));
  const list = el("ul", { class: "alerts" });
  const rows = new Map();
  follow(["topic/alerts"], () => {
    const wanted = new Map(openAlerts().map((entry) => [`${entry.alert} ${entry.about}`, entry]));
    none.hidden = wanted.size > 0;
    by.hidden = !none.hidden;
    for (const [key, row] of rows) {
      if (wanted.has(key)) continue;
      row.remove();
      rows.delete(key);
    }
    for (const [key, entry] of wanted) {
      if (!rows.has(key)) rows.set(key, el("li"));
      drawRow(rows.get(key), entry, by);
    }
    arrange(list, [...wanted.keys()].map((key) => rows.get(key)));
  });
  return el("section", {}, el("div", { class: "office-head" }, el("h2", {}, t("ui.alerts")), none, by), list);
}

/** What the daemon lists; anybody may publish anything. */
function openAlerts() {
  const listed = topic("alerts")?.alerts;
  return Array.isArray(listed) ? listed.filter((alert) => alert?.alert && alert.about) : [];
}

/** Put `nodes` in order, moving none that stands right: somebody may be typing in it. */
function arrange(list, nodes) {
  nodes.forEach((node, index) => {
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
  });
}

function drawRow(row, entry, by) {
  const { alert, about, acknowledged_by: seenBy } = entry;
  const what = alert === "bad-rating" ? t("ui.followup", { followup: about }) : titleOfAny(about);
  row.className = seenBy ? "seen" : "";
  row.dataset.alert = alert;
  patch(
    row,
    el("p", {}, el("b", {}, code("alert", alert)), ` · ${what}`),
    el("p", { class: "muted" }, el("time", {}, clock(entry.raised_at)), ` ${alertDetail(entry)}`),
    seenBy
      ? el("p", { class: "muted" }, t("ui.acknowledged", { by: seenBy }))
      : el(
          "button",
          {
            type: "button",
            "data-action": "acknowledge",
            onclick: () => tellDaemon("alert/acknowledge", { alert, about, by: by.value }),
          },
          t("ui.acknowledge"),
        ),
    alert === "bad-rating" ? followupForm(about, by) : null,
  );
}

/** A bad rating has to be looked into; the alert ends with that. */
function followupForm(followup, by) {
  const result = field("ui.followup-result", { maxlength: 500, required: true });
  return line("close-followup", "ui.close-followup", [result], () =>
    tellDaemon("followup/close", { followup, result: result.value, by: by.value }),
  );
}
