// Goals and experiments: what is to become better, and what was tried.

import { h } from "/static/vendor/preact.mjs";
import { count, measured, number, unitOf, words } from "../format.js";
import { Card, Facts, Meter, Pending, Pill, Table, When, soft } from "../parts.js";

const RIGHT = (text) => ({ text, right: true });

export function wants(ctx) {
  return [
    { path: goalsPath(ctx), on: /^goal\./, every: 10_000 },
    { path: "/experiments", on: /^experiment\./, every: 10_000 },
  ];
}

const goalsPath = ({ local }) => (local.all ? "/goals?open_only=false" : "/goals");

export function view(ctx) {
  const goals = ctx.part(goalsPath(ctx));
  const trials = ctx.part("/experiments");
  return h(
    "div",
    { class: "stack" },
    h("h1", null, "Goals and experiments"),
    h(Card, { title: "Goals", note: goals.data ? count(goals.data.goals.length, "goal") : "", actions: h(Scope, { ctx }) }, goals.data ? h(Goals, { ctx, rows: goals.data.goals }) : h(Pending, { part: goals, what: "Goals" })),
    h(Card, { title: "Experiments", note: "a change stays only when it was measured to help" }, trials.data ? h(Trials, { ctx, rows: trials.data.experiments }) : h(Pending, { part: trials, what: "Experiments" })),
    trials.data && Object.keys(trials.data.parameters).length > 0 &&
      h(Card, { title: "Parameters now" }, h(Facts, { pairs: Object.entries(trials.data.parameters).map(([name, value]) => [name, number(value)]) })),
  );
}

function Scope({ ctx }) {
  const pick = (all) => h("button", { type: "button", "aria-pressed": String(Boolean(ctx.local.all) === all), onClick: () => ctx.set({ all }) }, all ? "All" : "Open");
  return h("div", { class: "choice", role: "group", "aria-label": "Which goals" }, pick(false), pick(true));
}

function Goals({ ctx, rows }) {
  return h(Table, {
    label: "Goals",
    head: ["Subject", "Target", "State", "Progress", RIGHT("Now"), RIGHT("At first"), RIGHT("Priority"), "Set", "Why"],
    keys: rows.map((row) => row.goal),
    rows: rows.map((row) => [
      row.subject,
      `${words(row.metric)} ${words(row.direction)} ${measured(row.target, unitOf(row.metric))}`,
      h(Pill, { of: row.state }),
      h(Meter, { value: row.progress, label: `Progress of ${row.metric} of ${row.subject}` }),
      measured(row.value, unitOf(row.metric)),
      measured(row.baseline, unitOf(row.metric)),
      row.priority,
      h(When, { at: row.set_at, now: ctx.now }),
      soft(row.why),
    ]),
    empty: ctx.local.all ? "No goal was set so far." : "No goal is open.",
  });
}

function Trials({ ctx, rows }) {
  return h(Table, {
    label: "Experiments",
    head: ["Parameter", "Change", "State", RIGHT("Before"), RIGHT("After"), "Begun", "Why"],
    keys: rows.map((row) => row.experiment),
    rows: rows.map((row) => [
      row.parameter,
      `${number(row.baseline)} → ${number(row.candidate)}`,
      h(Pill, { of: row.state, tone: row.state === "running" ? "busy" : undefined }),
      number(row.before),
      number(row.after),
      h(When, { at: row.started_at, now: ctx.now }),
      soft(row.why),
    ]),
    empty: "No experiment so far.",
  });
}
