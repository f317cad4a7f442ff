// The one sentence on the whole, and what waits for a person. Pure: of what /status says.

import { count, words } from "./format.js";

/** Issues that the node is at its end with. */
export const escalatedOf = (status) => (status?.issues?.issues ?? []).filter((issue) => issue.state === "escalated");

/** Actors of the node that are given up. */
export const givenUpOf = (status) => (status?.node?.actors ?? []).filter((actor) => actor.state === "given_up");

/** Remedies that wait for a person's word. */
export const approvalsOf = (status) => status?.approvals?.approvals ?? [];

/** How many things wait for a person. An issue that asks is counted by its approval. */
export function needsOf(status) {
  const asked = new Set(approvalsOf(status).map((row) => row.issue));
  const others = escalatedOf(status).filter((issue) => !asked.has(issue.issue));
  return asked.size + others.length + givenUpOf(status).length;
}

/** {tone, text, why}: good, busy, warn or bad; the worst thing that is true. */
export function verdictOf(status) {
  const { health, processes, issues, missing = {} } = status;
  const needs = needsOf(status);
  const level = health?.whole?.level;
  const why = (health?.whole?.why ?? []).join("; ");
  const open = (issues?.issues ?? []).filter((issue) => issue.state !== "escalated" && issue.state !== "resolved");
  const silent = Object.keys(missing);
  if (health?.emergency) return { tone: "bad", text: `Emergency: incident ${health.emergency}`, why };
  if (needs) return { tone: "bad", text: `${count(needs, "thing")} need${needs === 1 ? "s" : ""} you`, why };
  if (silent.length) return { tone: "warn", text: `No answer from ${silent.map(words).join(", ")}`, why: Object.values(missing).join("; ") };
  if (open.length) return { tone: "busy", text: `Healing ${count(open.length, "issue")}`, why: "Nothing is asked of you." };
  if (processes?.draining) return { tone: "warn", text: "Drained: no workload is started", why };
  if (level && level !== "healthy") return { tone: level === "degraded" ? "warn" : "bad", text: words(level), why };
  const rows = processes?.processes ?? [];
  return { tone: "good", text: rows.length ? "All is well" : "All is well; there are no workloads", why: summary(rows) };
}

function summary(rows) {
  const numbers = new Map();
  for (const row of rows) numbers.set(row.state, (numbers.get(row.state) ?? 0) + 1);
  return [...numbers].map(([state, number]) => `${number} ${words(state)}`).join(", ");
}
