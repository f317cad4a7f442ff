// The table of workloads.

import { h } from "/static/vendor/preact.mjs";
import { measured, span, unitOf, words } from "./format.js";
import { Pill, Table, soft } from "./parts.js";

const RIGHT = (text) => ({ text, right: true });

/** rows: {process, health}, as /workloads gives them. */
export function WorkloadTable({ rows, empty }) {
  const mixed = new Set(rows.map(({ process }) => process.mode)).size > 1;
  return h(Table, {
    label: "Workloads",
    head: ["Name", "State", "Health", RIGHT("Up"), RIGHT("Restarts"), RIGHT("CPU"), RIGHT("Memory"), "Why"],
    keys: rows.map(({ process }) => process.name),
    rows: rows.map(({ process, health }) => cellsOf(process, health, mixed)),
    empty,
  });
}

function cellsOf(row, health, mixed) {
  const values = row.pid ? (health?.values ?? {}) : {};
  return [
    h("span", { class: "row" }, h("a", { href: `#/workloads/${row.name}` }, row.name), mixed && h("span", { class: `mode ${row.mode}` }, row.mode)),
    h(Pill, { of: row.idle ? "idle" : row.state }, words(row.state)),
    health ? h(Pill, { of: health.level }) : "–",
    span(row.uptime_s),
    row.restarts,
    measured(values.cpu, unitOf("cpu")),
    measured(values.memory, unitOf("memory")),
    soft(whyOf(row, health)),
  ];
}

function whyOf(row, health) {
  if (row.state !== "ready" && row.state !== "running") return row.why;
  return health && health.level !== "healthy" ? health.why.join("; ") : row.status;
}
