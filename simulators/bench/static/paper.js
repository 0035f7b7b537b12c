// A roll of paper as it comes out of the printer, in dots: 12 for a single column, 30 for a line.

import { el, svg } from "./dom.js";
import { t } from "./words.js";

const COLUMN = 12;
const LINE = 30;
const BASELINE = 23;
const FONT = 24;
const PLAIN = { width: 1, height: 1 };
// Latin-1 characters that GB2312 has, and prints two columns wide.
const WIDE_LATIN = "¤§¨°±·×÷";

const columnsOf = (character) => (character.codePointAt(0) < 0x100 && !WIDE_LATIN.includes(character) ? 1 : 2);

/** Stretches of characters of one width, so that columns stand below each other in any font. */
function stretches(text) {
  const found = [];
  for (const character of text) {
    const wide = columnsOf(character) === 2;
    const last = found.at(-1);
    if (last && last.wide === wide) {
      last.text += character;
      last.columns += wide ? 2 : 1;
    } else {
      found.push({ text: character, wide, columns: wide ? 2 : 1 });
    }
  }
  return found;
}

const columnsIn = (text) => stretches(text).reduce((sum, part) => sum + part.columns, 0);

/** An image among the characters has a width of its own, and no style. */
const widthOf = (span) => span.width_dots ?? columnsIn(span.text) * COLUMN * span.style.width;

function printedLine(item, columns) {
  const width = columns * COLUMN;
  const height = Math.max(...item.spans.map((span) => (span.style ?? PLAIN).height)) * LINE;
  const inked = item.spans.reduce((sum, span) => sum + widthOf(span), 0);
  let x = { left: 0, centre: (width - inked) / 2, right: width - inked }[item.align] ?? 0;
  const drawing = svg("svg", { class: "line", viewBox: `0 0 ${width} ${height}` });
  for (const span of item.spans) {
    drawing.append(...(span.bits === undefined ? printedSpan(span, x, height) : printedDots(span, x, height)));
    x += widthOf(span);
  }
  return drawing;
}

/** An image among the characters, on their base line. */
function printedDots(span, x, height) {
  const top = height - LINE + (LINE - FONT) / 2;
  return [...blackDots(span)].map(([left, down]) => svg("rect", { x: x + left, y: top + down, width: 1, height: 1 }));
}

/** Where the black dots of an image are. */
function* blackDots({ bits, width_dots: width }) {
  const rowBytes = Math.ceil(width / 8);
  for (let index = 0; index * 2 < bits.length; index++) {
    const byte = parseInt(bits.slice(index * 2, index * 2 + 2), 16);
    for (let bit = 0; bit < 8; bit++) {
      if (byte & (0x80 >> bit)) yield [(index % rowBytes) * 8 + bit, Math.floor(index / rowBytes)];
    }
  }
}

function printedSpan(span, x, height) {
  const { style } = span;
  const top = height - style.height * LINE;
  const marks = [];
  if (style.invert) marks.push(svg("rect", { x, y: top, width: widthOf(span), height: style.height * LINE }));
  const group = svg("g", { transform: `translate(${x} ${top}) scale(${style.width} ${style.height})` });
  let at = 0;
  for (const part of stretches(span.text)) {
    const kind = [style.bold && "bold", style.underline && "underline", style.invert && "invert"]
      .filter(Boolean)
      .join(" ");
    const length = part.columns * COLUMN;
    const blank = part.text.trim() === "";
    group.append(
      svg(
        "text",
        {
          x: at,
          y: BASELINE,
          "font-size": FONT,
          class: kind || null,
          textLength: blank ? null : length,
          lengthAdjust: "spacingAndGlyphs",
        },
        part.text,
      ),
    );
    at += length;
  }
  return [...marks, group];
}

function qrCode(item, columns) {
  const query = new URLSearchParams({ data: item.data, level: item.level });
  const picture = el("img", {
    class: `qr ${item.align}`,
    src: `/qr.svg?${query}`,
    alt: `QR: ${item.data}`,
    title: item.data,
  });
  picture.addEventListener("load", () => {
    picture.style.width = `${(100 * picture.naturalWidth * item.module_dots) / (columns * COLUMN)}%`;
  });
  return picture;
}

function image(item, columns) {
  const canvas = el("canvas", { class: "image", width: item.width_dots || 1, height: item.height_dots || 1 });
  canvas.style.width = `${(100 * item.width_dots) / (columns * COLUMN)}%`;
  const context = canvas.getContext("2d");
  for (const [left, down] of blackDots(item)) context.fillRect(left, down, 1, 1);
  return canvas;
}

function blank(item, columns) {
  return svg("svg", { class: "line", viewBox: `0 0 ${columns * COLUMN} ${item.dots}` });
}

function printed(item, columns) {
  switch (item.kind) {
    case "line":
      return printedLine(item, columns);
    case "qr":
      return qrCode(item, columns);
    case "image":
      return image(item, columns);
    case "blank":
      return blank(item, columns);
    default:
      return el("p", { class: "symbol" }, `▌▎▌▌▎ ${item.data ?? item.kind}`);
  }
}

function slipNode(slip, columns) {
  const end = slip.cut ? `cut ${slip.cut}` : slip.torn ? "torn" : "hanging";
  const label = slip.cut ? t(`ui.cut-${slip.cut}`) : t(slip.torn ? "ui.torn" : "ui.hanging");
  return el(
    "li",
    { class: `slip ${end}` },
    el(
      "div",
      { class: "ink" },
      slip.items.map((item) => printed(item, columns)),
    ),
    el("p", { class: "end" }, label),
  );
}

const hasInk = (slip) => slip.items.some((item) => item.kind !== "blank");

/** The roll of one printer. `show(state)` draws what changed of it. */
export class Roll {
  constructor(columns) {
    this.columns = columns;
    this.drawn = new Map();
    this.list = el("ol", { class: "roll", tabindex: 0 });
    this.nothing = el("p", { class: "nothing" }, t("ui.no-paper"));
    this.node = el("div", { class: "paper" }, this.nothing, this.list);
  }

  show(slips) {
    const shown = slips.filter((slip) => hasInk(slip) || slip.torn);
    const before = this.drawn;
    const atEnd = this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < 60;
    this.drawn = new Map();
    const nodes = shown.map((slip) => this.reuse(before, slip));
    this.list.replaceChildren(...nodes);
    this.nothing.hidden = nodes.length > 0;
    if (atEnd) this.node.scrollTop = this.node.scrollHeight;
  }

  reuse(before, slip) {
    const key = JSON.stringify(slip);
    const node = before.get(key)?.pop() ?? slipNode(slip, this.columns);
    this.drawn.set(key, [...(this.drawn.get(key) ?? []), node]);
    return node;
  }
}
