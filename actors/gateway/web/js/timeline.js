// The states of a workload over time, as one strip.

import { h } from "/static/vendor/preact.mjs";
import { clock, span, words } from "./format.js";
import { Pill, toneOf } from "./parts.js";

const WIDTH = 1000;

/**
 * Pieces {state, from, to, why}, oldest first, of moves {ago_s, state, why}, newest first. What was before the oldest
 * move is not known, and stays blank. told: when the moves were told; all times are Unix seconds. Pure.
 */
export function piecesOf(moves, told, spanS, now = told) {
  const start = now - spanS;
  const pieces = [];
  let to = now;
  for (const move of moves) {
    const from = Math.max(start, told - move.ago_s);
    if (to > start) pieces.push({ state: move.state, from, to, why: move.why });
    to = from;
    if (from <= start) return pieces.reverse();
  }
  return pieces.reverse();
}

export function Timeline({ moves, told, now, spanS }) {
  const pieces = piecesOf(moves, told, spanS, now);
  if (!pieces.length) return h("p", { class: "empty" }, "No change of state is known.");
  const start = now - spanS;
  const x = (at) => ((at - start) / spanS) * WIDTH;
  const states = [...new Set(pieces.map((piece) => piece.state))];
  const texts = pieces.map((piece) => `${words(piece.state)} from ${clock(piece.from, now)} for ${span(piece.to - piece.from)}`);
  return h(
    "div",
    null,
    h(
      "svg",
      { class: "line-svg", viewBox: `0 0 ${WIDTH} 30`, preserveAspectRatio: "none", role: "img", "aria-label": `States: ${texts.join("; ")}` },
      pieces.map((piece, at) =>
        h(
          "rect",
          { key: at, class: toneOf(piece.state), x: x(piece.from), y: 0, width: Math.max(1.5, x(piece.to) - x(piece.from) - 1), height: 30 },
          h("title", null, `${texts[at]}${piece.why ? `: ${piece.why}` : ""}`),
        ),
      ),
    ),
    h("div", { class: "row soft" }, h("span", null, clock(start, now)), h("ul", { class: "legend" }, states.map((state) => h("li", { key: state }, h(Pill, { of: state })))), h("span", { class: "push" }, "now")),
  );
}
