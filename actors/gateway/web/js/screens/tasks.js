// Tasks and gaps: the queue by priority with its progress, and the data sets that tasks fill.

import { h } from "/static/vendor/preact.mjs";
import { count, share, span, words } from "../format.js";
import { Act, Card, Facts, Meter, Pending, Pill, Table, When, soft } from "../parts.js";

const RIGHT = (text) => ({ text, right: true });
const PRIORITIES = ["critical", "high", "medium", "low", "deferred"];

export function wants() {
  return [
    { path: "/tasks", on: /^(task|queue|worker)\./ },
    { path: "/gaps", on: /^dataset\./, every: 10_000 },
  ];
}

export function view(ctx) {
  const tasks = ctx.part("/tasks");
  const list = tasks.data && tasks.data[ctx.local.ended ? "ended" : "queue"];
  const gaps = ctx.part("/gaps");
  return h(
    "div",
    { class: "stack" },
    h("h1", null, "Tasks and gaps"),
    list?.paused && h("p", { class: "warn-text" }, `The queue is paused: ${list.paused}`),
    tasks.data?.stats && h(Queue, { stats: tasks.data.stats }),
    h(Card, { title: "Tasks", note: list ? count(list.tasks.length, "task") : "", actions: h(Scope, { ctx }) }, list ? h(Tasks, { ctx, rows: list.tasks }) : h(Pending, { part: missing(tasks, "queue"), what: "Tasks" })),
    h(Card, { title: "Data sets and their gaps" }, gaps.data ? h(Gaps, { rows: gaps.data.datasets }) : h(Pending, { part: gaps, what: "Data sets" })),
  );
}

/** A part of an answer that is put together from several actors: why it is not there. */
function missing(part, name) {
  return part.data ? { data: null, error: new Error(part.data.missing[name] ?? "no answer") } : part;
}

function Scope({ ctx }) {
  const pick = (ended) => h("button", { type: "button", "aria-pressed": String(Boolean(ctx.local.ended) === ended), onClick: () => ctx.set({ ended }) }, ended ? "Ended" : "Not ended");
  return h("div", { class: "choice", role: "group", "aria-label": "Which tasks" }, pick(false), pick(true));
}

function Queue({ stats }) {
  return h(
    Card,
    { title: "Queue" },
    h(Facts, {
      pairs: [...Object.entries(stats.counts).map(([state, number]) => [words(state), number]), ["workers", stats.workers]],
    }),
  );
}

function Tasks({ ctx, rows }) {
  const groups = PRIORITIES.map((priority) => [priority, rows.filter((row) => row.priority === priority)]).filter(([, tasks]) => tasks.length);
  if (!groups.length) return h("p", { class: "empty" }, ctx.local.ended ? "No task has ended." : "No task waits or runs.");
  return groups.map(([priority, tasks]) =>
    h("div", { key: priority }, h("h3", null, `${priority} priority`), h(Table, {
      label: `Tasks of ${priority} priority`,
      head: [RIGHT("Task"), "Kind", "State", "Progress", RIGHT("Attempt"), "Added", RIGHT("Ran"), "About", ""],
      keys: tasks.map((row) => row.task),
      rows: tasks.map((row) => taskRow(ctx, row)),
    })),
  );
}

function taskRow(ctx, row) {
  const over = ["done", "dead", "cancelled", "expired"].includes(row.state);
  const act = (verb, label) =>
    h(Act, { label, about: `${label} task ${row.task}`, act: () => ctx.act(`/tasks/${row.task}/${verb}`, {}, `${label} of task ${row.task}`) });
  return [
    row.task,
    row.key ? `${row.kind} ${row.key}` : row.kind,
    h(Pill, { of: row.state }),
    row.progress === null ? "–" : h(Meter, { value: row.progress, label: `Progress of task ${row.task}` }),
    row.attempt,
    h(When, { at: row.added, now: ctx.now }),
    span(row.run_s),
    soft(row.error || row.note || (row.waits_for.length ? `waits for ${row.waits_for.join(", ")}` : "")),
    over ? (row.state === "done" ? "" : act("retry", "Retry")) : act("cancel", "Cancel"),
  ];
}

function Gaps({ rows }) {
  return h(Table, {
    label: "Data sets",
    head: ["Data set", "State", "There", RIGHT("Have"), RIGHT("Should"), "Gaps", RIGHT("In tasks"), RIGHT("Unfillable"), "Looked", "Why"],
    keys: rows.map((row) => row.name),
    rows: rows.map((row) => [
      row.name,
      h("span", { class: "row" }, h(Pill, { of: row.state }), row.paused && h(Pill, { tone: "warn" }, "paused")),
      h(Meter, { value: row.should ? row.have / row.should : 1, label: `${row.name}: ${share(row.should ? row.have / row.should : 1)} is there` }),
      row.have,
      row.should,
      Object.entries(row.counts).filter(([, number]) => number).map(([kind, number]) => `${number} ${kind}`).join(", ") || "none",
      row.in_flight,
      row.unfillable,
      row.looked_s === null ? "never" : `${span(row.looked_s)} ago`,
      soft(row.why),
    ]),
    empty: "The config names no data sets.",
  });
}
