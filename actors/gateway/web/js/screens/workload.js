// Workloads: all of them, or one with its state time line, charts, probes, log and actions.

import { h } from "/static/vendor/preact.mjs";
import { confirmed } from "../ask.js";
import { Chart } from "../chart.js";
import { bare, clock, count, measured, span, unitOf, words } from "../format.js";
import { Undo, decisionTitle } from "../issues.js";
import { Act, Card, Facts, Lines, Pending, Pill, Table, When } from "../parts.js";
import { Timeline } from "../timeline.js";
import { WorkloadTable } from "../workloads.js";

const SPANS = [["5 min", 300], ["15 min", 900], ["1 h", 3600], ["6 h", 21_600], ["24 h", 86_400], ["7 d", 604_800]];
const PHASES = ["observe", "advise", "act", "autonomous"];
const FIRST = ["cpu", "memory", "latency", "availability", "error_rate", "restarts"];
const CHARTS = 4;

export function wants(ctx) {
  const [name] = ctx.params;
  if (!name) return [{ path: "/workloads", on: /^(process|health)\./ }];
  return [
    { path: here(name), on: /^(process|health|probe|issue|remedy|phase)\./ },
    { path: `${here(name)}/history`, on: /^(process|health|threshold)\./, every: 10_000 },
    { path: seriesPath(ctx), every: spanOf(ctx) > 3600 ? 30_000 : 5000 },
    { path: logPath(ctx), on: /^(log|process)\./, every: 5000 },
  ];
}

const here = (name) => `/workloads/${encodeURIComponent(name)}`;
const spanOf = ({ local }) => local.spanS ?? 900;
const seriesPath = (ctx) => `${here(ctx.params[0])}/series?since_s=${spanOf(ctx)}&points=240`;
const logPath = (ctx) => `${here(ctx.params[0])}/log?lines=200&ended=${Boolean(ctx.local.ended)}`;

export const view = (ctx) => (ctx.params[0] ? h(One, { ctx, name: ctx.params[0] }) : h(All, { ctx }));

function All({ ctx }) {
  const part = ctx.part("/workloads");
  const filter = (ctx.local.filter ?? "").toLowerCase();
  const rows = (part.data?.workloads ?? []).filter(({ process: row, health }) =>
    [row.name, row.state, row.mode, health?.level ?? "", ...row.tags].some((text) => text.toLowerCase().includes(filter)),
  );
  return h(
    "div",
    { class: "stack" },
    h("h1", null, "Workloads"),
    h(
      Card,
      {
        label: "All workloads",
        title: count(rows.length, "workload"),
        actions: h("input", { type: "search", class: "push", "aria-label": "Filter workloads", placeholder: "Filter ( / )", onInput: (event) => ctx.set({ filter: event.target.value }) }),
      },
      part.data
        ? h(WorkloadTable, { rows, empty: filter ? "No workload is like that." : "The config names no workloads." })
        : h(Pending, { part, what: "Workloads" }),
    ),
  );
}

function One({ ctx, name }) {
  const part = ctx.part(here(name));
  const { data } = part;
  if (!data?.process) return h("div", { class: "stack" }, h("h1", null, name), h(Pending, { part, what: `Workload ${name}` }));
  return h(
    "div",
    { class: "stack" },
    h(Head, { ctx, data }),
    h(States, { ctx, data }),
    h(Series, { ctx, name }),
    h("div", { class: "pair" }, h(Probes, { ctx, probes: data.probes }), h(Health, { ctx, data })),
    h(Log, { ctx, name }),
    h(Healing, { ctx, data }),
  );
}

function Head({ ctx, data }) {
  const { process: row, health } = data;
  return h(
    "div",
    { class: "stack" },
    h(
      "div",
      { class: "row" },
      h("h1", null, row.name),
      h("span", { class: `mode ${row.mode}` }, row.mode),
      h(Pill, { of: row.idle ? "idle" : row.state }, words(row.state)),
      health && h(Pill, { of: health.level }),
      row.critical && h(Pill, { tone: "idle" }, "critical workload"),
    ),
    h(Actions, { ctx, row }),
  );
}

function Actions({ ctx, row }) {
  const down = row.pid === null;
  const does = (verb, label, why) => ctx.act(`${here(row.name)}/${verb}`, why ? { why } : {}, `${label} ${row.name}`);
  const asked = (verb, label, what, kind) => async () => {
    const answer = await confirmed(`${label} ${row.name}?`, what, label, kind);
    if (answer) await does(verb, label, answer.why);
  };
  const about = (label) => ({ label, about: `${label} ${row.name}` });
  return h(
    "div",
    { class: "row", role: "group", "aria-label": `Actions on ${row.name}` },
    down && h(Act, { ...about("Start"), kind: "primary", act: () => does("start", "Start") }),
    !down && h(Act, { ...about("Restart"), act: asked("restart", "Restart", "It is stopped, and started again. Whatever depends on it may notice.") }),
    !down && h(Act, { ...about("Stop"), kind: "danger", act: asked("stop", "Stop", "It is stopped. The node may start it again, as its config says.", "danger") }),
    !row.held && h(Act, { ...about("Hold"), kind: "danger", act: asked("hold", "Hold", "It is stopped and stays down, also over restarts of the node, until a person releases or starts it.", "danger") }),
    row.held && h(Act, { ...about("Release"), act: () => does("release", "Release") }),
  );
}

function States({ ctx, data }) {
  const { process: row, story } = data;
  const ended = row.signal ? `signal ${row.signal}` : row.exit_code === null ? "" : `exit code ${row.exit_code}`;
  return h(
    Card,
    { title: "State", note: `${words(row.state)} for ${span(row.since_s)}${row.why ? `: ${row.why}` : ""}`, actions: h(Span, { ctx }) },
    h(Timeline, { moves: story?.moves ?? [], told: data.at, now: Math.max(ctx.now, data.at), spanS: spanOf(ctx) }),
    h(Facts, {
      pairs: [
        ["Pid", row.pid],
        ["Up for", row.uptime_s === null ? "" : span(row.uptime_s)],
        ["Restarts by itself", row.restarts],
        ["Its lives", row.incarnation],
        ["Last end", [ended, row.cause].filter(Boolean).join(", ")],
        ["Waits for", (story?.unmet ?? []).join("; ")],
        ["Port", row.port],
        ["Says", row.status],
        ["Config revision", row.revision],
        ["Runs with", Object.entries(row.overrides).map(([key, value]) => `${key}=${value}`).join(", ")],
        ["Left-over processes", row.strays.join(", ")],
      ],
    }),
  );
}

function Span({ ctx }) {
  const pick = ([label, seconds]) =>
    h("button", { key: label, type: "button", "aria-pressed": String(spanOf(ctx) === seconds), onClick: () => ctx.set({ spanS: seconds }) }, label);
  return h("div", { class: "choice", role: "group", "aria-label": "How far back" }, SPANS.map(pick));
}

function Series({ ctx, name }) {
  const part = ctx.part(seriesPath(ctx));
  const known = part.data ?? ctx.local.series;
  if (part.data) ctx.local.series = part.data; // stays while another span is asked for
  if (!known) return h(Card, { title: "Charts" }, h(Pending, { part, what: "Series" }));
  const place = (row) => (FIRST.includes(row.metric) ? FIRST.indexOf(row.metric) : FIRST.length);
  const rows = known.rows.filter((row) => row.times.length).sort((a, b) => place(a) - place(b));
  const limits = ctx.part(`${here(name)}/history`).data?.health?.chain[0]?.limits ?? [];
  const limitOf = (metric) => limits.find((each) => each.metric === metric && each.direction === "above")?.limit ?? null;
  return h(
    Card,
    { title: "Charts", note: known.note },
    rows.length
      ? h("div", { class: "charts" }, rows.slice(0, ctx.local.more ? rows.length : CHARTS).map((row) => h(Chart, { key: row.metric, row: { ...row, unit: row.unit || unitOf(row.metric) }, limit: limitOf(row.metric), since: known.since, until: known.until })))
      : h("p", { class: "empty" }, "No reading so far."),
    rows.length > CHARTS && !ctx.local.more && h("button", { type: "button", class: "act", onClick: () => ctx.set({ more: true }) }, `${rows.length - CHARTS} more`),
  );
}

function Probes({ ctx, probes }) {
  return h(
    Card,
    { title: "Probes" },
    h(Table, {
      label: "Probes",
      head: ["Probe", "Last run", { text: "Took", right: true }, "Asks"],
      keys: probes.map((row) => row.probe),
      rows: probes.map((row) => [
        row.probe,
        row.ok === null ? "not yet" : h("span", { class: "row" }, h(Pill, { tone: row.ok ? "good" : "bad" }, row.ok ? "passes" : "fails"), h(When, { at: row.at, now: ctx.now })),
        span(row.latency_s),
        h("span", { class: "soft" }, row.detail && !row.ok ? `${row.what}: ${row.detail}` : row.what),
      ]),
      empty: "It has no probes: that it runs is all that is known.",
    }),
  );
}

function Health({ ctx, data }) {
  const chain = ctx.part(`${here(data.process.name)}/history`).data?.health?.chain ?? [];
  const limits = chain[0]?.limits ?? [];
  const reasons = chain.flatMap((cause) => cause.reasons.map((reason) => ({ ...reason, subject: cause.subject })));
  return h(
    Card,
    { title: "Health", note: data.health ? `${data.health.level} for ${span(data.health.since_s)}` : "not measured" },
    reasons.map((each, at) => h("p", { key: at }, h(Pill, { of: each.level }), ` ${each.subject}: ${each.text} `, h("span", { class: "soft" }, `${each.rule} ${each.source}`))),
    h(Table, {
      label: "Limits",
      head: ["Metric", { text: "Now", right: true }, { text: "Limit", right: true }, "State", "From"],
      keys: limits.map((row) => `${row.metric} ${row.direction} ${row.limit}`),
      rows: limits.map((row) => [
        words(row.metric),
        measured(row.reading, unitOf(row.metric)),
        `${row.direction} ${measured(row.limit, unitOf(row.metric))}`,
        h(Pill, { of: row.state }),
        h("span", { class: "soft" }, row.source),
      ]),
      empty: "No limit is set.",
    }),
  );
}

function Log({ ctx, name }) {
  const part = ctx.part(logPath(ctx));
  const pick = (ended, label) => h("button", { type: "button", "aria-pressed": String(Boolean(ctx.local.ended) === ended), onClick: () => ctx.set({ ended }) }, label);
  return h(
    Card,
    { title: "Log", actions: h("div", { class: "choice", role: "group", "aria-label": "Which run" }, pick(false, "This run"), pick(true, "The run before")) },
    part.data ? h(Lines, { lines: part.data.lines.map((line) => bare(line.text)), label: `Log of ${name}`, follow: !ctx.local.ended }) : h(Pending, { part, what: "Log" }),
  );
}

function Healing({ ctx, data }) {
  const { changes, issues, phase, process: row } = data;
  const set = async (event) => {
    await ctx.act("/phase", { name: row.name, phase: event.target.value || null }, `Phase of ${row.name}`);
  };
  return h(
    Card,
    { title: "Healing" },
    phase &&
      h(
        "label",
        { class: "inline" },
        "How far it goes by itself ",
        h("select", { value: phase.set_by === "person" ? phase.phase : "", onChange: set }, h("option", { value: "" }, phase.set_by === "person" ? "as the config says" : `${phase.phase} (config)`), PHASES.map((each) => h("option", { key: each, value: each }, each))),
      ),
    h(Table, {
      label: "Open issues",
      head: ["Issue", "State", "Since", "Summary"],
      keys: issues.map((each) => each.issue),
      rows: issues.map((each) => [h("a", { href: `#/decisions/${each.issue}` }, words(each.issue_kind)), h(Pill, { of: each.state }), h(When, { at: each.first_seen, now: ctx.now }), each.summary]),
      empty: "No open issue.",
    }),
    changes.length > 0 && h("h3", null, "What was altered"),
    changes.map((each, at) =>
      h(
        "div",
        { key: `${each.time} ${at}`, class: "item-head" },
        h("span", { class: "soft" }, clock(each.time, ctx.now)),
        decisionTitle(each),
        each.issue ? h("a", { href: `#/decisions/${each.issue}` }, each.what) : each.what,
        h(Undo, { ctx, row: each, rows: changes }),
      ),
    ),
  );
}
