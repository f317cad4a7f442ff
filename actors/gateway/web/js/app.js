// The frame: bar, list of screens, and the one screen that the address names.

import { h, render } from "/static/vendor/preact.mjs";
import { link, takeTokenFromAddress, token } from "./api.js";
import { askToken, carryOut, say } from "./ask.js";
import { clock, span } from "./format.js";
import { keyboard } from "./keys.js";
import { listen } from "./live.js";
import * as now from "./screens/now.js";
import { Store } from "./store.js";
import { needsOf } from "./verdict.js";

const SCREENS = [
  { name: "", key: "n", title: "Now", load: async () => now },
  { name: "workloads", key: "w", title: "Workloads", load: () => import("./screens/workload.js") },
  { name: "decisions", key: "d", title: "Decisions", load: () => import("./screens/decisions.js") },
  { name: "tasks", key: "t", title: "Tasks and gaps", load: () => import("./screens/tasks.js") },
  { name: "goals", key: "g", title: "Goals and experiments", load: () => import("./screens/goals.js") },
  { name: "nodes", key: "o", title: "Nodes", load: () => import("./screens/nodes.js") },
  { name: "config", key: "c", title: "Effective config", load: () => import("./screens/config.js") },
];
const HEAD = [{ path: "/status", on: /^(process|health|issue|approval|emergency|node|roll|remedy|actor|config)\./ }];

let shown = { screen: SCREENS[0], module: now, params: [], local: {} };
let drawing = false;
let asking = false;

const store = new Store(draw, signIn);
const set = (patch) => {
  Object.assign(shown.local, patch);
  want();
  draw();
};

/** What a screen is given. now: Unix seconds by the node's clock. */
function context() {
  return {
    now: Date.now() / 1000 + link.skewS,
    params: shown.params,
    local: shown.local,
    set,
    part: (path) => store.part(path),
    refresh: () => store.refresh(),
    act: async (path, body, what) => {
      await carryOut(path, body, what);
      store.refresh();
    },
  };
}

/** Once; who leaves the dialog is asked again at the next load of the page. */
async function signIn() {
  if (asking) return;
  asking = true;
  if (!(await askToken("Looking", Boolean(token())))) return;
  asking = false;
  store.refresh();
}

function want() {
  const wanted = new Map([...HEAD, ...shown.module.wants(context())].map((each) => [each.path, each]));
  store.want([...wanted.values()]);
}

async function route(event) {
  const [name = "", ...params] = location.hash.replace(/^#\/?/, "").split("/").map(decoded);
  const screen = SCREENS.find((each) => each.name === name) ?? SCREENS[0];
  try {
    const module = await screen.load();
    shown = { screen, module, params, local: {} };
  } catch {
    say(`${screen.title}: the node does not answer`, "bad");
    return;
  }
  want();
  paint();
  if (!event) return; // the first screen: focus stays before everything
  scrollTo(0, 0);
  focusScreen();
}

function focusScreen() {
  document.querySelector(".nav [aria-current]").scrollIntoView({ block: "nearest", inline: "center" });
  document.getElementById("screen").focus({ preventScroll: true });
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    want(); // what an answer told of may be wanted now: the evidence of an approval
    paint();
  });
}

function paint() {
  const given = context();
  const { data: status } = store.part("/status");
  const needs = needsOf(status);
  const node = status?.node?.node ?? "";
  document.title = `${needs ? `(${needs}) ` : ""}${shown.params[0] || shown.screen.title}${node ? ` · ${node}` : ""} · gyrostat`;
  render(
    h(
      "div",
      { class: `frame ${link.lost ? "lost" : ""}` },
      h(Bar, { status }),
      h(Nav, { needs }),
      h("main", { id: "screen", tabIndex: -1 }, link.lost && h(Stale), store.old.map(({ path, error }) => h(Old, { key: path, path, error })), shown.module.view(given)),
      h("div", { id: "said", role: "status", "aria-live": "polite" }),
    ),
    document.getElementById("app"),
  );
}

function Bar({ status }) {
  const mode = status?.node?.mode ?? "unknown";
  const said = { live: "live", sandbox: "sandbox", dual: "live + sandbox" }[mode] ?? "mode unknown";
  return h(
    "header",
    { class: "bar" },
    h("a", { class: "brand", href: "#/" }, h("img", { src: "/static/icon.svg", alt: "" }), "gyrostat"),
    h("span", { class: `mode ${mode}`, title: "What the node works on" }, said),
    h("span", { class: "node" }, status?.node ? `${status.node.node} · up ${span(status.node.uptime_s)}` : ""),
    h("button", { type: "button", class: "act push", onClick: () => keys.help() }, "Keys"),
    h("button", { type: "button", class: "act", onClick: switchTheme }, `${isDark() ? "Light" : "Dark"} view`),
  );
}

function Nav({ needs }) {
  const items = SCREENS.map((screen) =>
    h(
      "li",
      { key: screen.name },
      h(
        "a",
        { href: `#/${screen.name}`, "aria-current": screen === shown.screen ? "page" : undefined },
        screen.title,
        screen.name === "" && needs > 0 && h("span", { class: "badge", "aria-label": `${needs} need you` }, needs),
      ),
    ),
  );
  return h("nav", { class: "nav", "aria-label": "Screens" }, h("ul", null, items));
}

function Stale() {
  const at = Date.now() / 1000;
  const answered = link.answeredAt / 1000;
  const text = answered
    ? `Stale since ${clock(answered, at)} (${span(at - answered)}): the node does not answer. What is shown is what it said then.`
    : "The node does not answer.";
  return h("p", { class: "stale", role: "alert" }, text);
}

function Old({ path, error }) {
  return h("p", { class: "stale mild", role: "status" }, `${path.split("?")[0]} is as it was: ${error.message}`);
}

function isDark() {
  return (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
}

function switchTheme() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("gyrostat.theme", theme);
  } catch {
    // holds until the page is left
  }
  dispatchEvent(new Event("themechange"));
  draw();
}

const keys = keyboard(SCREENS, switchTheme);
link.changed = draw;
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // what follows the # is the name of the screen
  focusScreen();
});
document.getElementById("app").replaceChildren();
takeTokenFromAddress();
addEventListener("hashchange", route);
document.addEventListener("visibilitychange", () => store.look());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (dispatchEvent(new Event("themechange")), draw()));
setInterval(() => (link.lost || document.hidden ? link.lost && draw() : draw()), 1000);
listen((facts) => store.heard(facts));
route();
