// A roll of paper as it comes out of the printer: a picture of each slip, which the simulator draws dot by dot.

import { el } from "./dom.js";
import { t } from "./words.js";

/** What a picture of the slip depends on: a bench that was started anew counts anew. */
const look = ({ changes, text }) => `${changes} ${text}`;

/** One slip. A new picture takes the place of the old one when it is there, so that nothing flickers. */
class SlipView {
  constructor(device, moved) {
    this.device = device;
    this.moved = moved;
    this.ink = el("div", { class: "ink" });
    this.end = el("p", { class: "end" });
    this.node = el("li", {}, this.ink, this.end);
  }

  show(slip) {
    const end = slip.cut ? `cut ${slip.cut}` : slip.torn ? "torn" : "hanging";
    this.node.className = `slip ${end}`;
    this.end.textContent = slip.cut ? t(`ui.cut-${slip.cut}`) : t(slip.torn ? "ui.torn" : "ui.hanging");
    this.slip = slip;
    this.develop();
  }

  /** Fetch the picture of the slip as it is now; what changes meanwhile is fetched after it. */
  async develop() {
    if (this.developing) return;
    this.developing = true;
    while (look(this.slip) !== this.developed) {
      const { number, changes, text } = this.slip;
      const developed = look(this.slip);
      const src = `/slip/${encodeURIComponent(this.device)}/${number}.png?changes=${changes}`;
      const picture = el("img", { src, alt: text });
      await picture.decode().then(
        () => this.ink.replaceChildren(picture),
        () => this.ink.replaceChildren(el("pre", {}, text)), // the machine has no font, or the slip is gone
      );
      this.developed = developed;
      this.moved();
    }
    this.developing = false;
  }
}

/** The roll of one printer. `show(slips)` draws what changed of it. */
export class Roll {
  constructor(device) {
    this.device = device;
    this.views = new Map();
    this.list = el("ol", { class: "roll", tabindex: 0 });
    this.nothing = el("p", { class: "nothing" }, t("ui.no-paper"));
    this.node = el("div", { class: "paper" }, this.nothing, this.list);
    this.atEnd = true;
    this.node.addEventListener("scroll", () => {
      this.atEnd = this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < 60;
    });
  }

  show(slips) {
    const shown = slips.filter((slip) => slip.ink || slip.torn);
    const before = this.views;
    this.views = new Map(shown.map(({ number }) => [number, before.get(number) ?? this.view()]));
    for (const slip of shown) this.views.get(slip.number).show(slip);
    const nodes = [...this.views.values()].map((view) => view.node);
    if (nodes.some((node, index) => this.list.children[index] !== node) || this.list.children.length > nodes.length) {
      this.list.replaceChildren(...nodes);
    }
    this.nothing.hidden = nodes.length > 0;
    this.follow();
  }

  view() {
    return new SlipView(this.device, () => this.follow());
  }

  /** Stay at the end of the roll, unless somebody looks further up. */
  follow() {
    if (this.atEnd) this.node.scrollTop = this.node.scrollHeight;
  }
}
