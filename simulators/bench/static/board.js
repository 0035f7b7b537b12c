// An LED board, dot by dot.

import { el } from "./dom.js";
import { t } from "./words.js";

const PITCH = 5; // canvas pixels from dot to dot
const LIT_ABOVE = 96; // how much of a dot's square the character must cover, of 255
const SCROLL_MS = 40;
const COLOURS = {
  red: "#ff4b33",
  green: "#3dff6a",
  yellow: "#ffd23d",
  blue: "#4d8dff",
  cyan: "#3df2ff",
  magenta: "#ff5df2",
  white: "#ffffff",
};
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** The board of one display. `show(state)` draws it. */
export class Board {
  constructor() {
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.text = el("p", { class: "shown" });
    this.status = el("p", { class: "board-status" });
    this.node = el("div", { class: "board" }, this.canvas, this.text, this.status);
    this.dots = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    this.timer = 0;
  }

  show(state) {
    const lit = state.on;
    this.text.textContent = lit ? state.areas.map((area) => area.text).join("\n") : "";
    this.status.textContent = state.booting ? t("ui.board-boot") : lit ? "" : t("ui.board-off");
    this.node.classList.toggle("dark", !lit);
    const same = JSON.stringify([state.on, state.areas, state.width, state.height, state.brightness]);
    if (same === this.same) return;
    this.same = same;
    clearInterval(this.timer);
    this.state = state;
    this.draw(0);
    if (lit && !calm.matches && state.areas.some((area) => area.scrolls)) {
      let step = 0;
      this.timer = setInterval(() => (this.canvas.isConnected ? this.draw(++step) : undefined), SCROLL_MS);
    }
  }

  draw(step) {
    const { width, height, areas, on } = this.state;
    if (this.canvas.width !== width * PITCH || this.canvas.height !== height * PITCH) {
      this.canvas.width = width * PITCH;
      this.canvas.height = height * PITCH;
    }
    const context = this.canvas.getContext("2d");
    context.fillStyle = "#050505";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const sprite = dotSprite("#1d1a19", false);
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) context.drawImage(sprite, x * PITCH, y * PITCH);
    if (on) for (const area of areas) this.drawArea(context, area, step);
  }

  drawArea(context, area, step) {
    const size = area.font ?? 16;
    const width = Math.max(1, area.w);
    const height = Math.max(1, area.h);
    const dots = this.dots;
    dots.canvas.width = width;
    dots.canvas.height = height;
    dots.font = `${size}px "Droid Sans Fallback", "WenQuanYi Bitmap Song", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif`;
    dots.textBaseline = "alphabetic";
    dots.fillStyle = "#fff";
    const lines = area.scrolls ? [area.text.replaceAll("\n", " ")] : brokenLines(area, size);
    const run = width + lineWidth(lines[0], size);
    const start = area.scrolls && step > 0 ? width - (step % run) : 0;
    lines.forEach((line, index) => drawLine(dots, line, start, index * size, size));
    const pixels = dots.getImageData(0, 0, width, height).data;
    const sprite = dotSprite(COLOURS[area.colour] ?? COLOURS.red, true);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (pixels[(y * width + x) * 4 + 3] > LIT_ABOVE)
          context.drawImage(sprite, (area.x + x) * PITCH, (area.y + y) * PITCH);
      }
    }
  }
}

// The cards' fonts give a Chinese character a square, and a Latin one half of it.
const cell = (character, size) => (character.codePointAt(0) < 0x80 ? size / 2 : size);
const lineWidth = (line, size) => [...line].reduce((sum, character) => sum + cell(character, size), 0);

function drawLine(dots, line, left, top, size) {
  let x = left;
  for (const character of line) {
    const room = cell(character, size);
    const width = dots.measureText(character).width;
    const narrow = Math.min(1, room / width);
    dots.save();
    dots.translate(x + (room - width * narrow) / 2, top + Math.round(size * 0.85));
    dots.scale(narrow, 1);
    dots.fillText(character, 0, 0);
    dots.restore();
    x += room;
  }
}

/** The lines of an area; a card that wraps breaks them where its width ends. */
function brokenLines(area, size) {
  const lines = area.text.split("\n");
  if (!area.wraps) return lines;
  return lines.flatMap((line) => {
    const broken = [""];
    for (const character of line) {
      if (lineWidth(broken.at(-1) + character, size) > area.w) broken.push("");
      broken[broken.length - 1] += character;
    }
    return broken;
  });
}

const sprites = new Map();

function dotSprite(colour, lit) {
  const key = colour + lit;
  if (!sprites.has(key)) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = PITCH;
    const context = canvas.getContext("2d");
    context.fillStyle = colour;
    if (lit) {
      context.globalAlpha = 0.35;
      context.fillRect(0, 0, PITCH, PITCH);
      context.globalAlpha = 1;
    }
    context.beginPath();
    context.arc(PITCH / 2, PITCH / 2, PITCH / 2 - 0.6, 0, 2 * Math.PI);
    context.fill();
    sprites.set(key, canvas);
  }
  return sprites.get(key);
}
