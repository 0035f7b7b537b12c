// What the page asks of the bench. What went wrong is said in a toast, in the bench's own words.

import { el } from "./dom.js";

const SHOWN_MS = 6000;

async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch (error) {
    return toast(String(error.message), "bad");
  }
  if (!answer.ok) toast(await answer.text(), "bad");
}

export const tellDevice = (name, command) => post(`/device/${encodeURIComponent(name)}`, { command });
export const tellDaemon = (command, data) => post("/command", { command, data });
export const tellProcess = (name, action) => post(`/process/${encodeURIComponent(name)}`, { action });

/** Say something for a few seconds. */
export function toast(text, kind = "") {
  const node = el("p", { class: `toast ${kind}` }, text);
  const place = document.getElementById("toasts");
  for (const other of place.children) if (other.textContent === text) other.remove();
  place.append(node);
  while (place.children.length > 4) place.firstChild.remove();
  setTimeout(() => node.remove(), SHOWN_MS);
}
