// What screens show of an issue: its evidence, the chain from evidence to verification, and taking a repair back.

import { h } from "/static/vendor/preact.mjs";
import { confirmed } from "./ask.js";
import { clock, share, span, words } from "./format.js";
import { Act, Fold, Lines, Pill } from "./parts.js";

/** part: the store's, of /issues/{id}. */
export function Evidence({ part }) {
  const lines = part.data?.detail ? evidenceOf(part.data.detail) : [];
  return lines.length ? h(Fold, { summary: "Evidence", open: true }, h(Lines, { lines, label: `Evidence of ${part.data.detail.row.subject}` })) : null;
}

/** What speaks for the issue beside its summary, which is shown anyway. detail: IssueDetail. */
function evidenceOf(detail) {
  const lines = detail.evidence.filter(Boolean);
  return lines.every((line) => line === detail.row.summary) ? [] : lines;
}

/** What an issue is about: with a link to its screen when it is a workload, and not the machine or the node. */
export function Subject({ ctx, name }) {
  const known = (ctx.part("/status").data?.processes?.processes ?? []).some((row) => row.name === name);
  return known ? h("a", { href: `#/workloads/${name}` }, name) : name;
}

/** What a person is asked, with the answers. row: ApprovalRow. */
export function Approval({ ctx, row, children }) {
  const note = `note-${row.issue}`;
  const answer = (verb, what) => async () => {
    const text = document.getElementById(note)?.value ?? "";
    await ctx.act(`/approvals/${encodeURIComponent(row.issue)}/${verb}`, { note: text }, `${what} ${row.remedy} of ${row.subject}`);
  };
  return h(
    "div",
    { class: "item" },
    h(
      "div",
      { class: "item-head" },
      h("h3", null, `${row.remedy} of `, h(Subject, { ctx, name: row.subject }), "?"),
      h(Pill, { tone: "busy" }, `${share(row.confidence)} sure`),
      h("span", { class: "soft" }, `no answer until ${clock(row.until, ctx.now)} (${span(row.until - ctx.now)}) counts as ${row.otherwise}`),
    ),
    children,
    h(
      "div",
      { class: "row" },
      h("label", { class: "unseen", for: note }, `Note on ${row.remedy} of ${row.subject}`),
      h("input", { id: note, placeholder: "Note (optional)", autocomplete: "off", maxLength: 200 }),
      h(Act, { label: "Approve", kind: "primary", about: `Approve ${row.remedy} of ${row.subject}`, act: answer("approve", "Approved") }),
      h(Act, { label: "Reject", about: `Reject ${row.remedy} of ${row.subject}`, act: answer("reject", "Rejected") }),
      ctx.params[0] !== row.issue && h("a", { href: `#/decisions/${row.issue}` }, "The whole story"),
    ),
  );
}

/** One thing that was altered, in words; row: AlteredRow. */
export const decisionTitle = (row) => h(Pill, { tone: row.change === "acted" ? "good" : row.change === "undone" ? "warn" : "busy" }, `${words(row.change)} by ${row.by}`);

const PASSING = /^(await_restart|restart|end_strays|signal:\w+):/; // these leave nothing behind

/** A button that takes back what the last remedy of an issue did; for the newest row of the issue only. */
export function Undo({ ctx, row, rows }) {
  const newest = rows.find((each) => each.issue === row.issue);
  if (!row.issue || row.change !== "acted" || newest !== row || PASSING.test(row.what)) return null;
  const act = async () => {
    const answer = await confirmed(`Take it back?`, `${row.what} (${row.subject}) is undone as far as it can be; the node says what came of it.`, "Undo", "danger");
    if (answer) await ctx.act(`/issues/${encodeURIComponent(row.issue)}/undo`, { note: answer.why }, `Undo of ${row.what || row.issue}`);
  };
  return h(Act, { label: "Undo", about: `Undo ${row.what} of ${row.subject}`, act });
}

/** Evidence, rule, confidence, action, verification of one issue. data: what /issues/{id} says. */
export function Chain({ data, now }) {
  const { detail: issue, decision } = data;
  const { row } = issue;
  return h(
    "ol",
    { class: "chain" },
    h(Step, { name: "Evidence" }, h("p", null, row.summary), evidenceOf(issue).length > 0 && h(Lines, { lines: evidenceOf(issue), label: "Evidence" })),
    issue.trace && h(Step, { name: "Trace" }, h(Fold, { summary: "The failure's whole text" }, h(Lines, { lines: [issue.trace], label: "Trace" }))),
    h(Step, { name: "Rule" }, ruleOf(decision, issue)),
    issue.attempts.map((attempt) => h(Attempt, { key: attempt.number, attempt, now })),
    !issue.attempts.length && h(Step, { name: "Action" }, h("p", { class: "soft" }, row.asks ? `${row.asks} waits for a person's word` : "Nothing was tried so far.")),
    h(Step, { name: "Now" }, h("span", { class: "row" }, h(Pill, { of: row.state }), row.time_to_repair_s !== null && h("span", { class: "soft" }, `repaired in ${span(row.time_to_repair_s)}`))),
    h(Step, { name: "Record" }, h(Fold, { summary: `${issue.audit.length} steps` }, h("ul", null, issue.audit.map((line, at) => h("li", { key: at }, `${clock(line.time, now)} ${words(line.step)}: ${line.detail}`))))),
  );
}

function Step({ name, children }) {
  return h("li", null, h("span", { class: "step" }, name), h("div", { class: "what" }, children));
}

function ruleOf(decision, issue) {
  if (!decision) return h("p", { class: "soft" }, `Phase ${issue.phase || "unknown"}.`);
  return [
    h("p", null, decision.rule ? `Rule ${decision.rule} decides, in phase ${issue.phase}.` : `No rule applies, in phase ${issue.phase}.`),
    decision.told_only && h("p", { class: "warn-text" }, `Only told: ${decision.told_only}`),
    decision.known && h("p", null, `Known fix: ${decision.known}`),
    decision.remedies.length > 0 && h("ul", null, decision.remedies.map((each) => h("li", { key: each.remedy }, `${each.remedy}: ${each.why}`))),
    decision.looked.length > 0 &&
      h(Fold, { summary: `${decision.looked.length} rules were looked at` }, h("ul", null, decision.looked.map((each) => h("li", { key: each.rule + each.at }, `${each.rule} (${each.at}): ${each.why || "decides"}`)))),
  ];
}

function Attempt({ attempt, now }) {
  return [
    attempt.confidence && h(Step, { name: "Confidence" }, attempt.confidence),
    h(Step, { name: `Action ${attempt.number}` }, h("p", null, h("strong", null, attempt.remedy), ` at ${clock(attempt.started_at, now)}: ${attempt.why}`), attempt.acted && h("p", { class: "soft" }, attempt.acted)),
    h(
      Step,
      { name: "Verification" },
      h("span", { class: "row" }, h(Pill, { of: attempt.outcome || "verifying" }), h("span", null, attempt.check)),
      attempt.undone && h("p", { class: "soft" }, `put back: ${attempt.undone}`),
    ),
  ];
}
