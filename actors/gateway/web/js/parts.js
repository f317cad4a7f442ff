// Small pieces that screens are made of. Everything that comes from the node becomes text, never markup.

import { Component, createRef, h } from "/static/vendor/preact.mjs";
import { ago, clock, words } from "./format.js";

/** Tones of states and levels: good, busy, warn, bad, idle. */
const TONES = {
  good: "ready running healthy full here kept completed resolved verified converged done applied within improving",
  busy: "starting adopted waiting stopping healing verifying in_progress scheduled queued new looking advise pending live",
  warn: "backing_off degraded open warning gaps blocked observe minor moderate unheard restarting draining late degrading",
  bad: "unhealthy crash_loop critical failing escalated failed dead gone given_up unreadable doubted severe minimal crossed",
};
const TONE_OF = new Map(Object.entries(TONES).flatMap(([tone, names]) => names.split(" ").map((name) => [name, tone])));

export const toneOf = (name) => TONE_OF.get(name) ?? "idle";

/** A state as a word with a mark; the mark's form tells the tone too, for whoever sees no colours. */
export function Pill({ of, tone, children, title }) {
  return h("span", { class: `pill ${tone ?? toneOf(of)}`, title }, children ?? words(of));
}

export function Card({ title, note, tone = "", actions, label, children }) {
  return h(
    "section",
    { class: `card ${tone}`, "aria-label": label ?? (typeof title === "string" ? title : undefined) },
    title && h("header", { class: "card-head" }, h("h2", null, title), note && h("span", { class: "note" }, note), actions),
    children,
  );
}

/** A moment as "12 s ago" with the exact time on hover. at: Unix seconds. */
export function When({ at, now }) {
  if (!at) return h("span", null, "–");
  const iso = new Date(at * 1000).toISOString();
  return h("time", { dateTime: iso, title: `${clock(at, now)} · ${iso}` }, ago(at, now));
}

/**
 * A table. Where the screen is narrow every row becomes a block of lines, each with its head before it; the roles are
 * written out, as a browser forgets them for what is no table to the eye. head: [text or {text, right}]; rows: arrays of cells; an empty
 * one is left out in a block.
 */
export function Table({ label, head, rows, empty, keys }) {
  if (!rows.length) return h("p", { class: "empty" }, empty ?? "Nothing.");
  const right = head.map((cell) => Boolean(cell.right));
  return h(
    "div",
    { class: "scroll", tabIndex: 0, role: "group", "aria-label": label },
    h(
      "table",
      { role: "table" },
      h("caption", { class: "unseen" }, label),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head.map((cell, at) => h("th", { scope: "col", role: "columnheader", class: right[at] ? "right" : "" }, cell.text ?? cell)))),
      h(
        "tbody",
        { role: "rowgroup" },
        rows.map((cells, row) =>
          h(
            "tr",
            { key: keys ? keys[row] : row, role: "row" },
            cells.map((cell, at) =>
              at
                ? h("td", { role: "cell", class: right[at] ? "right" : "", "data-head": head[at].text ?? head[at] }, cell ?? "–")
                : h("th", { scope: "row", role: "rowheader" }, cell),
            ),
          ),
        ),
      ),
    ),
  );
}

/** Pairs of a name and what it is. */
export function Facts({ pairs }) {
  const shown = pairs.filter((pair) => pair && pair[1] !== null && pair[1] !== undefined && pair[1] !== "");
  return h("dl", { class: "facts" }, shown.map(([name, what]) => h("div", { key: name }, h("dt", null, name), h("dd", null, what))));
}

export function Meter({ value, label }) {
  const percent = Math.round(Math.max(0, Math.min(1, value ?? 0)) * 100);
  return h(
    "span",
    { class: "meter" },
    h("progress", { max: 100, value: percent, "aria-label": label }),
    h("span", { class: "num" }, `${percent} %`),
  );
}

/** What stands where a part of the node gave no answer, or has not yet. */
export function Pending({ part, what }) {
  if (part.error && !part.data) return h("p", { class: "empty bad-text", role: "status" }, `${what}: ${part.error.message}`);
  if (!part.data) return h("p", { class: "empty" }, `${what}: asking…`);
  return null;
}

/** Lines as they are. follow: stays at their end while one looks at the end. */
export class Lines extends Component {
  constructor() {
    super();
    this.box = createRef();
    this.atEnd = true;
    this.onScroll = () => {
      const { scrollTop, scrollHeight, clientHeight } = this.box.current;
      this.atEnd = scrollHeight - scrollTop - clientHeight < 24;
    };
  }

  componentDidMount() {
    this.toEnd();
  }

  componentDidUpdate() {
    this.toEnd();
  }

  toEnd() {
    if (this.props.follow && this.atEnd) this.box.current.scrollTop = this.box.current.scrollHeight;
  }

  render({ lines, label }) {
    return h(
      "pre",
      { class: "lines", tabIndex: 0, role: "region", "aria-label": label, ref: this.box, onScroll: this.onScroll },
      lines.length ? lines.join("\n") : "no lines",
    );
  }
}

/** A button that says what it does while it does it, and cannot be pressed twice. act: async. */
export class Act extends Component {
  constructor() {
    super();
    this.state = { busy: false };
    this.press = async () => {
      if (this.state.busy) return;
      this.setState({ busy: true });
      try {
        await this.props.act();
      } finally {
        this.setState({ busy: false });
      }
    };
  }

  render({ label, kind = "", title, about }, { busy }) {
    return h(
      "button",
      { type: "button", class: `act ${kind}`, onClick: this.press, "aria-disabled": busy ? "true" : undefined, "aria-busy": busy ? "true" : undefined, title, "aria-label": about },
      busy ? `${label}…` : label,
    );
  }
}

/** Remembers over re-draws whether it is open. */
export function Fold({ summary, children, open }) {
  return h("details", { class: "fold", open }, h("summary", null, summary), children);
}

/** Text in the background of a cell, which is empty when the text is. */
export const soft = (text) => (text ? h("span", { class: "soft" }, text) : "");
