// Nodes: who is there, how each is, and how far healing may go.

import { h } from "/static/vendor/preact.mjs";
import { count, span, words } from "../format.js";
import { Card, Facts, Pending, Pill, Table, soft } from "../parts.js";

export function wants() {
  return [{ path: "/nodes", on: /^node\./ }];
}

export function view(ctx) {
  const part = ctx.part("/nodes");
  return h(
    "div",
    { class: "stack" },
    h("h1", null, "Nodes"),
    part.data ? part.data.nodes.map((node) => h(Node, { key: node.name, node })) : h(Pending, { part, what: "Nodes" }),
  );
}

function Node({ node }) {
  const { status } = node;
  const lag = Object.entries(node.lag).filter(([, facts]) => facts);
  return h(
    Card,
    { title: node.name, label: `Node ${node.name}`, note: node.own ? "this node" : "", tone: node.state === "gone" ? "bad" : "" },
    h(
      "div",
      { class: "row" },
      h(Pill, { of: node.state }),
      status?.level && h(Pill, { of: status.level }),
      node.draining && h(Pill, { tone: "warn" }, "draining"),
      status?.mode && h("span", { class: `mode ${status.mode}` }, status.mode),
    ),
    h(Facts, {
      pairs: [
        ["In this state", `for ${span(node.since_s)}`],
        ["Last heartbeat", node.heard_s === null ? (node.own ? "" : "none") : `${span(node.heard_s)} ago`],
        ["Issues", status?.issues === null || !status ? "" : `${status.issues} open, ${status.escalated ?? 0} need a person`],
        ["Status told", node.status_s === null ? "" : `${span(node.status_s)} ago`],
        ["Actors", node.targets.join(", ")],
        ["Facts on their way", lag.map(([stream, facts]) => `${facts} ${stream}`).join(", ")],
        ["No answer from", (status?.missing ?? []).join(", ")],
      ],
    }),
    status && status.why.length > 0 && h("p", { class: "soft" }, status.why.join("; ")),
    status &&
      h(Table, {
        label: `Workloads of ${node.name}`,
        head: ["Workload", "State", "Health", { text: "Pid", right: true }, { text: "Restarts", right: true }, "Why"],
        keys: status.workloads.map((row) => row.name),
        rows: status.workloads.map((row) => [
          node.own ? h("a", { href: `#/workloads/${row.name}` }, row.name) : row.name,
          h(Pill, { of: row.state }),
          row.level ? h(Pill, { of: row.level }) : "–",
          row.pid ?? "–",
          row.restarts,
          soft(row.why),
        ]),
        empty: `${count(0, "workload")}.`,
      }),
    !status && h("p", { class: "empty" }, `It has told no status yet (${words(node.state)}).`),
  );
}
