// Now: one verdict, what needs a person, what is being healed, what it did by itself, and the workloads.

import { h } from "/static/vendor/preact.mjs";
import { count, measured, share, span, words } from "../format.js";
import { Approval, Evidence, Subject, Undo, decisionTitle } from "../issues.js";
import { Act, Card, Fold, Pending, Pill, Table, When } from "../parts.js";
import { approvalsOf, escalatedOf, givenUpOf, verdictOf } from "../verdict.js";
import { WorkloadTable } from "../workloads.js";

const SHOWN = 5;

export function wants(ctx) {
  const status = ctx.part("/status").data;
  const asked = approvalsOf(status).map((row) => row.issue);
  const stuck = escalatedOf(status).map((issue) => issue.issue);
  const detailed = [...new Set([...asked, ...stuck])].slice(0, SHOWN);
  return [
    { path: "/decisions?limit=8", on: /^(remedy|issue|approval|phase|degradation)\./, every: 10_000 },
    ...detailed.map((issue) => ({ path: detailPath(issue), on: /^(issue|remedy|approval)\./, every: 15_000 })),
  ];
}

const detailPath = (issue) => `/issues/${encodeURIComponent(issue)}`;

export function view(ctx) {
  const status = ctx.part("/status");
  if (!status.data) return h("div", { class: "stack" }, h("h1", null, "Now"), h(Pending, { part: status, what: "The node" }));
  return h(
    "div",
    { class: "stack" },
    h(Verdict, { verdict: verdictOf(status.data) }),
    h(NeedsYou, { ctx, status: status.data }),
    h(Healing, { ctx, status: status.data }),
    h("div", { class: "pair" }, h(Did, { ctx }), h(Others, { ctx, status: status.data })),
    h(Workloads, { status: status.data }),
  );
}

const MARKS = { good: "✓", busy: "↻", warn: "!", bad: "✕" };

function Verdict({ verdict }) {
  return h(
    "div",
    { class: `verdict ${verdict.tone}`, id: "verdict" },
    h("span", { class: "mark", "aria-hidden": "true" }, MARKS[verdict.tone]),
    h("div", null, h("h1", { "aria-live": "polite" }, verdict.text), verdict.why && h("p", null, verdict.why)),
  );
}

function NeedsYou({ ctx, status }) {
  const asked = approvalsOf(status);
  const ids = new Set(asked.map((row) => row.issue));
  const stuck = escalatedOf(status).filter((issue) => !ids.has(issue.issue));
  const actors = givenUpOf(status);
  if (!asked.length && !stuck.length && !actors.length) return null;
  return h(
    Card,
    { title: "Needs you", tone: "bad" },
    asked.map((row) =>
      h(
        Approval,
        { key: row.issue, ctx, row },
        h("p", null, status.issues?.issues.find((each) => each.issue === row.issue)?.summary),
        h("p", { class: "soft" }, row.why),
        h(Evidence, { part: ctx.part(detailPath(row.issue)) }),
      ),
    ),
    stuck.map((issue) => h(Stuck, { key: issue.issue, ctx, issue })),
    actors.map((actor) =>
      h("div", { key: actor.name, class: "item" }, h("h3", null, `Actor ${actor.name} is given up`), h("p", { class: "soft" }, actor.last_error)),
    ),
  );
}

function Stuck({ ctx, issue }) {
  const about = `${words(issue.issue_kind)} of ${issue.subject}`;
  return h(
    "div",
    { class: "item" },
    h(
      "div",
      { class: "item-head" },
      h("h3", null, h(Subject, { ctx, name: issue.subject }), `: ${words(issue.issue_kind)}`),
      h(Pill, { of: issue.severity }),
      h("span", { class: "soft" }, "since ", h(When, { at: issue.first_seen, now: ctx.now })),
    ),
    h("p", null, issue.summary),
    issue.remedies.length > 0 && h("p", { class: "soft" }, `tried: ${issue.remedies.join(", ")}`),
    h(Evidence, { part: ctx.part(detailPath(issue.issue)) }),
    h(
      "div",
      { class: "row" },
      h(Act, { label: "It is dealt with", about: `${about} is dealt with`, act: () => ctx.act(`/issues/${encodeURIComponent(issue.issue)}/resolve`, {}, `Resolved: ${about}`) }),
      h("a", { href: `#/decisions/${issue.issue}` }, "The whole story"),
    ),
  );
}

function Healing({ ctx, status }) {
  const rows = (status.issues?.issues ?? []).filter((issue) => issue.state !== "escalated" && !issue.asks);
  const degraded = status.issues?.degraded ?? [];
  if (!rows.length && !degraded.length) return null;
  return h(
    Card,
    { title: "Being healed", note: count(rows.length, "issue"), tone: "busy" },
    h(Table, {
      label: "Issues being healed",
      head: ["Workload", "What", "State", "Since", "Summary"],
      keys: rows.map((row) => row.issue),
      rows: rows.map((row) => [
        h("a", { href: `#/decisions/${row.issue}` }, row.subject),
        words(row.issue_kind),
        h(Pill, { of: row.state }),
        h(When, { at: row.first_seen, now: ctx.now }),
        row.summary,
      ]),
      empty: "No issue.",
    }),
    degraded.map((row) => h("p", { key: row.name, class: "warn-text" }, `${row.name} goes on with ${share(row.quality_loss)} less (${row.level}): ${row.steps.join(", ")}`)),
  );
}

function Did({ ctx }) {
  const part = ctx.part("/decisions?limit=8");
  const rows = (part.data?.decisions ?? []).map((each) => each.change);
  return h(
    Card,
    { title: "What it did by itself, and why", actions: h("a", { href: "#/decisions", class: "push" }, "All") },
    part.data ? null : h(Pending, { part, what: "Decisions" }),
    part.data && !rows.length && h("p", { class: "empty" }, "Nothing was altered so far."),
    (part.data?.decisions ?? []).map(({ change: row, issue }, at) =>
      h(
        "div",
        { key: `${row.time} ${at}`, class: "item" },
        h("div", { class: "item-head" }, h("strong", null, row.subject), decisionTitle(row), h("span", { class: "soft" }, h(When, { at: row.time, now: ctx.now })), h(Undo, { ctx, row, rows })),
        h("p", null, row.what),
        issue && h("p", { class: "soft" }, "because of ", h("a", { href: `#/decisions/${issue.issue}` }, words(issue.issue_kind)), `: ${issue.summary}`),
      ),
    ),
  );
}

function Others({ ctx, status }) {
  const drifts = status.drift?.drifts ?? [];
  const goals = status.goals?.goals ?? [];
  const trials = (status.experiments?.experiments ?? []).filter((each) => each.state === "running");
  const node = status.node;
  return h(
    Card,
    { title: "Node" },
    node &&
      h("p", null, `${node.node}, pid ${node.pid}, ${measured(node.cpu_percent, "percent")} of a core, ${measured(node.memory_bytes, "bytes")}, release ${node.release}, config revision ${node.revision}`),
    h("p", { class: "soft" }, `${count(goals.length, "open goal")}, ${count(trials.length, "running experiment")}, ${count(drifts.length, "drift")}`),
    drifts.map((row) => h("p", { key: row.subject + row.drift, class: "warn-text" }, `${row.subject} ${words(row.drift)} for ${span(row.since_s)}: wanted ${row.desired}, found ${row.observed}`)),
    h(
      Fold,
      { summary: `Actors: ${(node?.actors ?? []).filter((each) => each.state === "running").length} of ${node?.actors.length ?? 0} run` },
      h(Table, {
        label: "Actors",
        head: ["Actor", "State", { text: "Handled", right: true }, { text: "Failures", right: true }, { text: "Waiting", right: true }],
        rows: (node?.actors ?? []).map((each) => [each.name, h(Pill, { of: each.state }), each.handled, each.failures, each.waiting]),
      }),
    ),
  );
}

function Workloads({ status }) {
  const health = new Map((status.health?.workloads ?? []).map((row) => [row.subject, row]));
  const rows = (status.processes?.processes ?? []).map((row) => ({ process: row, health: health.get(row.name) }));
  return h(Card, { title: "Workloads", note: count(rows.length, "workload") }, h(WorkloadTable, { rows, empty: "The config names no workloads." }));
}
