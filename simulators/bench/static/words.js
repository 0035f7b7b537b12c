// Both languages of the page. Codes that have no words are shown as they are.

const read = async (name) => (await fetch(`/static/${name}.json`)).json();
const words = Object.assign({}, ...(await Promise.all(["words", "codes"].map(read))));
const LANGUAGES = ["zh-CN", "en"];
let chosen = pick();

function pick() {
  const kept = localStorage.getItem("language");
  if (LANGUAGES.includes(kept)) return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

export const language = () => chosen;

/** Change the language; `keep` for the next visit too. */
export function speak(next, keep) {
  if (!LANGUAGES.includes(next)) return;
  chosen = next;
  if (keep) localStorage.setItem("language", next);
  document.documentElement.lang = next;
}

export const chosenByHand = () => LANGUAGES.includes(localStorage.getItem("language"));

export const known = (key) => key in words;

/** The words for `key`, with {values} in their places. */
export function t(key, values = {}) {
  const text = words[key]?.[chosen] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** The words for a code of the contract (a reason, a refusal, a state), or the code itself. */
export function code(kind, value) {
  const key = `${kind}.${value}`;
  return known(key) ? t(key) : String(value ?? "");
}

/** What a reason code means, wherever it comes from. */
export function reason(value) {
  return (
    ["reason", "refusal", "lapse", "shortcoming"]
      .map((kind) => `${kind}.${value}`)
      .filter(known)
      .map((key) => t(key))[0] ?? String(value ?? "")
  );
}

/** So many seconds in words; a dash for what nobody knows. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.round(seconds);
  return whole < 60 ? t("ui.seconds", { s: whole }) : t("ui.minutes", { m: Math.floor(whole / 60), s: whole % 60 });
}

/** A part of one as a percentage; a dash for what nobody knows. */
export const share = (part) => (Number.isFinite(part) ? `${Math.round(part * 100)} %` : "–");

/** Day, hour and minute by the kiosk's own clock, as the slip has them. */
export const dayAndMinute = (iso) => String(iso).slice(0, 16).replace("T", " ");

export function clock(iso) {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? "" : time.toTimeString().slice(0, 8);
}
