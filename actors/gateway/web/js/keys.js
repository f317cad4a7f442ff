// The keyboard: g and a letter goes to a screen, / to the filter, ? shows this. Can be switched off, as one-letter keys
// get in the way of speech input (WCAG 2.1.4).

import { h } from "/static/vendor/preact.mjs";
import { help } from "./ask.js";

const OFF = "gyrostat.keys.off";
const CHORD_MS = 1500;

/** screens: {name, key, title}. Gives {help()}. */
export function keyboard(screens, switchTheme) {
  let chordUntil = 0;
  let off = stored();

  const keep = (event) => {
    off = !event.target.checked;
    try {
      localStorage.setItem(OFF, off ? "yes" : "");
    } catch {
      // holds until the page is left
    }
  };

  const showHelp = () =>
    help([
      h(
        "dl",
        { class: "facts" },
        [["?", "these keys"], ["/", "the filter of the screen"], ["v", "light or dark"], ["Esc", "leave a dialog or field"]]
          .concat(screens.map((screen) => [`g ${screen.key}`, screen.title]))
          .map(([key, what]) => h("div", { key }, h("dt", null, h("kbd", null, key)), h("dd", null, what))),
      ),
      h("label", { class: "check" }, h("input", { type: "checkbox", defaultChecked: !off, onChange: keep }), "Use these keys"),
    ]);

  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && typing(event.target)) event.target.blur();
    if (off || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog")) return;
    if (Date.now() < chordUntil) {
      chordUntil = 0;
      const screen = screens.find(({ key }) => key === event.key);
      if (screen) location.hash = `#/${screen.name}`;
    } else if (event.key === "g") chordUntil = Date.now() + CHORD_MS;
    else if (event.key === "?") showHelp();
    else if (event.key === "v") switchTheme();
    else if (event.key === "/") {
      const filter = document.querySelector("input[type=search]");
      if (filter) (event.preventDefault(), filter.focus());
    }
  });
  return { help: showHelp };
}

function typing(target) {
  return target instanceof Element && target.matches("input, select, textarea");
}

function stored() {
  try {
    return localStorage.getItem(OFF) === "yes";
  } catch {
    return false;
  }
}
