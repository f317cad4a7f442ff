// Effective config: every key with its value and where that comes from. The node hides secrets.

import { h } from "/static/vendor/preact.mjs";
import { Card, Pending, Table } from "../parts.js";

export function wants() {
  return [{ path: "/config", on: /^config\./, every: 30_000 }];
}

export function view(ctx) {
  const part = ctx.part("/config");
  const filter = (ctx.local.filter ?? "").toLowerCase();
  const entries = part.data?.rows ?? [];
  const rows = entries.filter((row) => (!ctx.local.changed || row.origin !== "default") && `${row.key} ${shown(row.value)} ${row.origin}`.toLowerCase().includes(filter));
  return h(
    "div",
    { class: "stack" },
    h("h1", null, "Effective config"),
    part.data && h("p", { class: "soft" }, part.data.file ? `${part.data.file}, revision ${part.data.revision}` : "No config file: every value is a default or was given at the start."),
    part.data
      ? h(
          Card,
          { title: "Keys", label: "Effective config", note: `${rows.length} of ${entries.length}`, actions: h(Choose, { ctx }) },
          h(Table, {
            label: "Keys of the config",
            head: ["Key", "Value", "From"],
            keys: rows.map((row) => row.key),
            rows: rows.map((row) => [h("code", null, row.key), h("code", { class: "value" }, shown(row.value)), h("span", { class: "soft" }, row.origin === "default" ? "default" : `${row.origin} ${row.where}`)]),
            empty: "No key is like that.",
          }),
        )
      : h(Pending, { part, what: "The config" }),
  );
}

function Choose({ ctx }) {
  const pick = (changed, label) => h("button", { type: "button", "aria-pressed": String(Boolean(ctx.local.changed) === changed), onClick: () => ctx.set({ changed }) }, label);
  return h(
    "div",
    { class: "row push" },
    h("div", { class: "choice", role: "group", "aria-label": "Which keys" }, pick(false, "All"), pick(true, "Set by you")),
    h("input", { type: "search", "aria-label": "Filter keys", placeholder: "Filter ( / )", onInput: (event) => ctx.set({ filter: event.target.value }) }),
  );
}

const shown = (value) => (typeof value === "string" ? value : JSON.stringify(value));
