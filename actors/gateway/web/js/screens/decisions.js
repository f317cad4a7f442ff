// Decisions: for every issue the chain evidence, rule, confidence, action, verification; and what was altered.

import { h } from "/static/vendor/preact.mjs";
import { count, span, words } from "../format.js";
import { Approval, Chain, Subject, Undo, decisionTitle } from "../issues.js";
import { Act, Card, Pending, Pill, Table, When, soft } from "../parts.js";
import { approvalsOf } from "../verdict.js";

const ISSUES = "/issues?open_only=false&limit=100";
const CHANGES = "/decisions?limit=100";

export function wants({ params }) {
  if (params[0]) return [{ path: detailPath(params[0]), on: /^(issue|remedy|approval)\./ }, { path: CHANGES, every: 15_000 }];
  return [
    { path: ISSUES, on: /^(issue|remedy|approval)\./, every: 10_000 },
    { path: CHANGES, on: /^(remedy|issue|phase)\./, every: 10_000 },
  ];
}

const detailPath = (issue) => `/issues/${encodeURIComponent(issue)}`;

const changesOf = (part) => (part.data?.decisions ?? []).map((each) => each.change);

export const view = (ctx) => (ctx.params[0] ? h(One, { ctx, issue: ctx.params[0] }) : h(All, { ctx }));

function One({ ctx, issue }) {
  const part = ctx.part(detailPath(issue));
  const row = part.data?.detail?.row;
  const changes = changesOf(ctx.part(CHANGES));
  const asked = approvalsOf(ctx.part("/status").data).find((each) => each.issue === row?.issue);
  const acted = changes.find((each) => each.issue === row?.issue);
  return h(
    "div",
    { class: "stack" },
    h("p", null, h("a", { href: "#/decisions" }, "← All decisions")),
    row
      ? h("div", { class: "row" }, h("h1", null, `${words(row.issue_kind)} of `, h(Subject, { ctx, name: row.subject })), h(Pill, { of: row.severity }), h(Pill, { of: row.state }))
      : h("h1", null, `Issue ${issue}`),
    row && h("p", { class: "soft" }, `Issue ${row.issue}, seen ${count(row.count, "time")}, first `, h(When, { at: row.first_seen, now: ctx.now }), ", last ", h(When, { at: row.last_seen, now: ctx.now })),
    row &&
      h(
        "div",
        { class: "row" },
        row.state !== "resolved" && h(Act, { label: "It is dealt with", act: () => ctx.act(`${detailPath(issue)}/resolve`, {}, `Resolved: ${row.issue_kind} of ${row.subject}`) }),
        acted && h(Undo, { ctx, row: acted, rows: changes }),
      ),
    asked && h(Card, { title: "Needs you", tone: "bad" }, h(Approval, { ctx, row: asked })),
    part.data ? h(Card, { label: "From evidence to verification" }, h(Chain, { data: part.data, now: ctx.now })) : h(Pending, { part, what: `Issue ${issue}` }),
  );
}

function All({ ctx }) {
  const issues = ctx.part(ISSUES);
  const changes = ctx.part(CHANGES);
  const filter = (ctx.local.filter ?? "").toLowerCase();
  const rows = (issues.data?.issues ?? []).filter((row) => `${row.subject} ${row.issue_kind} ${row.summary} ${row.state}`.toLowerCase().includes(filter));
  return h(
    "div",
    { class: "stack" },
    h("h1", null, "Decisions"),
    h(
      Card,
      {
        title: "Issues, and what was decided about them",
        note: issues.data ? `${rows.length} of ${issues.data.issues.length}` : "",
        actions: h("input", { type: "search", class: "push", "aria-label": "Filter issues", placeholder: "Filter ( / )", onInput: (event) => ctx.set({ filter: event.target.value }) }),
      },
      issues.data ? h(Issues, { ctx, rows, filtered: Boolean(filter) }) : h(Pending, { part: issues, what: "Issues" }),
    ),
    h(Card, { title: "What was altered" }, changes.data ? h(Changes, { ctx, rows: changesOf(changes) }) : h(Pending, { part: changes, what: "Changes" })),
  );
}

function Issues({ ctx, rows, filtered }) {
  return h(Table, {
    label: "Issues",
    head: ["Issue", "Subject", "State", "Seen", { text: "Times", right: true }, "Remedies", { text: "Repaired in", right: true }, "Summary"],
    keys: rows.map((row) => row.issue),
    rows: rows.map((row) => [
      h("a", { href: `#/decisions/${row.issue}` }, words(row.issue_kind)),
      row.subject,
      h(Pill, { of: row.state }),
      h(When, { at: row.first_seen, now: ctx.now }),
      row.count,
      row.remedies.join(", ") || "–",
      span(row.time_to_repair_s),
      soft(row.summary),
    ]),
    empty: filtered ? "No issue is like that." : "Nothing went wrong so far.",
  });
}

function Changes({ ctx, rows }) {
  return h(Table, {
    label: "What was altered",
    head: ["When", "Subject", "Change", "What", ""],
    keys: rows.map((row, at) => `${row.time} ${at}`),
    rows: rows.map((row) => [
      h(When, { at: row.time, now: ctx.now }),
      row.subject,
      decisionTitle(row),
      row.issue ? h("a", { href: `#/decisions/${row.issue}` }, row.what || row.issue) : row.what,
      h(Undo, { ctx, row, rows }),
    ]),
    empty: "Nothing was altered so far.",
  });
}
