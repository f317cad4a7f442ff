// Requests to the node: JSON in and out, the token, and when the node answered last.

const TOKEN = "gyrostat.token";
const PATIENCE_MS = 8000; // the node gives its actors 5 s
const LATE_MS = 3000; // without any answer meanwhile, the node counts as lost, though this one may still come

/** The node's answer was an error: status and the fields of its problem document (RFC 9457). */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `the node answered ${status}`);
    this.status = status;
    this.title = body.title ?? "";
  }
}

/** The node gave no answer at all. */
export class NoAnswer extends Error {}

/**
 * When the node answered last, in milliseconds of Date.now, and whether it does now; changed is called on a change.
 * skewS: seconds that the node's clock is ahead of this machine's, when that is more than answers can show by chance.
 */
export const link = { answeredAt: 0, lost: false, skewS: 0, changed: () => {} };
const SKEW_S = 5;

function note(ok) {
  if (ok) link.answeredAt = Date.now();
  if (link.lost !== ok) return;
  link.lost = !ok;
  link.changed();
}

let held = ""; // of this page alone, for a browser that forbids storage

export function token() {
  return held || (storage("sessionStorage")?.getItem(TOKEN) ?? storage("localStorage")?.getItem(TOKEN) ?? "");
}

/** keep: over the end of the browser; else for this tab only. */
export function setToken(value, keep) {
  held = value;
  storage("sessionStorage")?.removeItem(TOKEN);
  storage("localStorage")?.removeItem(TOKEN);
  if (value) storage(keep ? "localStorage" : "sessionStorage")?.setItem(TOKEN, value);
}

/** A link may carry the token behind the #, which no browser sends: taken over, and out of the address. */
export function takeTokenFromAddress() {
  const found = /^#token=([\w.~+/=-]+)$/.exec(location.hash);
  if (!found) return;
  setToken(found[1], false);
  history.replaceState(null, "", `${location.pathname}#/`);
}

export function headers() {
  const value = token();
  return value ? { Authorization: `Bearer ${value}` } : {};
}

/** The decoded answer. Raises Problem, NoAnswer. */
export async function get(path, patienceMs = PATIENCE_MS) {
  return answerOf(await send(path, { headers: { Accept: "application/json", ...headers() } }, patienceMs));
}

/** The decoded answer of an action. Stopping a workload takes its grace, so patience is long. */
export async function post(path, body = {}) {
  const init = {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json", ...headers() },
    body: JSON.stringify(body),
  };
  return answerOf(await send(path, init, 120_000));
}

async function send(path, init, patienceMs) {
  const began = Date.now();
  const late = setTimeout(() => link.answeredAt < began && note(false), LATE_MS);
  try {
    const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(patienceMs), ...init });
    note(true);
    compare(response.headers.get("date"));
    return response;
  } catch (error) {
    note(false);
    throw new NoAnswer(error.name === "TimeoutError" ? "no answer in time" : "the node does not answer");
  } finally {
    clearTimeout(late);
  }
}

function compare(date) {
  const skewS = (Date.parse(date ?? "") - Date.now()) / 1000;
  link.skewS = Math.abs(skewS) > SKEW_S ? skewS : 0;
}

async function answerOf(response) {
  const text = await response.text().catch(() => "");
  const body = decoded(text);
  if (response.ok || (response.status === 503 && body?.title === undefined && body)) return body;
  throw new Problem(response.status, body ?? {});
}

function decoded(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

function storage(which) {
  try {
    return window[which];
  } catch {
    return null;
  }
}
