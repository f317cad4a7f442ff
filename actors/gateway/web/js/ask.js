// Dialogs: before an action that stops something, for the token, and for help; and the line that says what came of it.

import { h, render } from "/static/vendor/preact.mjs";
import { Problem, post, setToken, token } from "./api.js";

/** Shows a dialog and gives what was answered: the fields of its form by name, or null when it was left. */
function show(title, body, confirm, kind = "") {
  return new Promise((done) => {
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-labelledby", "dialog-title");
    const before = document.activeElement;
    const end = (answer) => {
      dialog.close();
      render(null, dialog);
      dialog.remove();
      if (before?.isConnected) before.focus();
      done(answer);
    };
    const submit = (event) => {
      event.preventDefault();
      end(Object.fromEntries(new FormData(event.target)));
    };
    dialog.addEventListener("cancel", (event) => (event.preventDefault(), end(null)));
    document.body.append(dialog);
    render(
      h(
        "form",
        { onSubmit: submit },
        h("h2", { id: "dialog-title" }, title),
        body,
        h(
          "div",
          { class: "row end" },
          h("button", { type: "button", class: "act", onClick: () => end(null) }, confirm ? "Cancel" : "Close"),
          confirm && h("button", { type: "submit", class: `act ${kind || "primary"}` }, confirm),
        ),
      ),
      dialog,
    );
    dialog.showModal();
  });
}

/** Asks before an action: gives {why} or null. */
export function confirmed(title, what, confirm, kind) {
  const body = [
    h("p", null, what),
    h("label", { class: "field" }, "Why (goes into the record)", h("input", { name: "why", autocomplete: "off", maxLength: 200, autofocus: true })),
  ];
  return show(title, body, confirm, kind);
}

export const help = (body) => show("Keyboard", body, "");

/** Asks for the token; false when the person left. what: needs it. */
export async function askToken(what, refused) {
  const body = [
    refused && h("p", { class: "bad-text", role: "alert" }, "The node did not take this token."),
    h("p", null, `${what} needs the node's token. It lies in the node's state directory:`),
    h("pre", { class: "lines" }, "cat var/gateway.token"),
    h("label", { class: "field" }, "Token", h("input", { name: "token", type: "password", autocomplete: "off", required: true, autofocus: true })),
    h("label", { class: "check" }, h("input", { name: "keep", type: "checkbox" }), "Remember in this browser"),
  ];
  const answer = await show("Token", body, "Go on");
  if (answer) setToken(answer.token.trim(), Boolean(answer.keep));
  return Boolean(answer);
}

/** Carries out an action, with the token asked for when it is needed. True when it was done; what came of it is told. */
export async function carryOut(path, body, what) {
  let refused = false;
  while (token() || (await askToken(what, refused))) {
    try {
      const answer = await post(path, body);
      say(answer?.detail ? `${what}: ${answer.detail}` : `${what}: done`, "good");
      return true;
    } catch (error) {
      if (!(error instanceof Problem && error.status === 401)) {
        say(`${what}: ${error.message}`, "bad");
        return false;
      }
      refused = Boolean(token());
      setToken("", false);
    }
  }
  return false;
}

let quiet = null;

/** A line that is read out, and goes away; a bad one stays until it is closed. */
export function say(text, tone) {
  const place = document.getElementById("said");
  clearTimeout(quiet);
  const clear = () => render(null, place);
  render(
    h("div", { class: `said ${tone}` }, h("span", null, text), h("button", { type: "button", class: "plain", onClick: clear, "aria-label": "Close this message" }, "×")),
    place,
  );
  if (tone !== "bad") quiet = setTimeout(clear, 8000);
}
