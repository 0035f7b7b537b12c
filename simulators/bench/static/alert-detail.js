// Why an alert was raised, made of its figures: the detail that comes with it is for logs, and English.

import { titleOf } from "./names.js";
import { code, dayAndMinute, duration, known, reason, t } from "./words.js";

/** In the language of the page; where there are no words for it, the detail itself. */
export function alertDetail({ alert, detail, figures }) {
  const key = `detail.${alert}${isForecast(figures) ? "-forecast" : ""}`;
  if (figures === null || typeof figures !== "object" || !known(key)) return String(detail ?? "");
  const values = Object.entries(figures).map(([name, value]) => [name, worded(name, value)]);
  return t(key, Object.fromEntries(values));
}

const isForecast = (figures) => (figures?.forecast_s ?? 0) > (figures?.waited_s ?? 0);

function worded(name, value) {
  if (name.endsWith("_s")) return duration(value);
  if (name.endsWith("_at")) return dayAndMinute(value);
  if (name === "state" || name === "level") return code(name, value);
  if (name === "counter") return titleOf("counters", value);
  if (name === "reasons") return because(value);
  if (name === "items") return list(value).map(shortfall).join(t("ui.between-items"));
  return value;
}

const shortfall = (one) => `${one?.item ?? ""} ${because(one?.reasons)}`.trim();

/** Reason codes in brackets; nothing where there are none. */
export function because(reasons) {
  if (list(reasons).length === 0) return "";
  return t("ui.because", { why: reasons.map(reason).join(t("ui.between-reasons")) });
}

// anybody may publish anything
const list = (value) => (Array.isArray(value) ? value : []);
