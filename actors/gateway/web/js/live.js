// The node's facts, in every tab, over one connection.
//
// A browser opens six connections to a host over HTTP/1.1, and a stream holds one for good: with a stream in each tab
// the seventh would never load. So one tab, the one that holds the lock, listens for all and passes on what it hears;
// when it is closed the browser gives the lock to the next. Browsers do not put a tab to sleep that holds a lock.
// Without locks (a page that came over plain HTTP from elsewhere) nobody listens, and all is asked for on a timer.

import { headers, link } from "./api.js";
import { EventReader } from "./sse.js";

const CHANNEL = "gyrostat.live";
// Measurements are left out: they are most of what is said, and are asked for as series.
const TYPES = [
  "actor", "approval", "config", "dataset", "degradation", "drift", "emergency", "experiment", "goal", "health", "incident", "issue", "log", "node",
  "phase", "process", "queue", "remedy", "roll", "task", "threshold", "worker",
];
const EVENTS = `/events?types=${TYPES.map((each) => `${each}.`).join(",")}`;
const FIRST_MS = 500;
const LONGEST_MS = 10_000;

/** Begins to listen. hear(facts): one or more {type, subject, ...}, here or in whichever tab listens. Gives stop(). */
export function listen(hear) {
  const channel = new BroadcastChannel(CHANNEL);
  const ending = new AbortController();
  channel.onmessage = ({ data }) => hear(data);
  const tell = (facts) => {
    hear(facts);
    channel.postMessage(facts);
  };
  navigator.locks
    ?.request(CHANNEL, { signal: ending.signal }, () => lead(tell, ending.signal))
    .catch(() => {}); // stopped before it was our turn
  return () => {
    ending.abort();
    channel.close();
  };
}

async function lead(tell, signal) {
  document.documentElement.dataset.leads = "yes";
  const gathered = gatherer(tell);
  const reader = new EventReader((event) => gathered(event));
  let waitMs = FIRST_MS;
  while (!signal.aborted) {
    const began = Date.now();
    await stream(reader, signal).catch(() => {});
    waitMs = Date.now() - began > LONGEST_MS ? FIRST_MS : Math.min(LONGEST_MS, waitMs * 2);
    if (!signal.aborted && link.answeredAt) tell([{ type: "link.lost", subject: "" }]);
    await pause(waitMs * (0.75 + Math.random() / 2), signal);
  }
}

/** Reads until the stream ends, from behind the last event that was read. */
async function stream(reader, signal) {
  const from = reader.lastId ? { "Last-Event-ID": reader.lastId } : {};
  const response = await fetch(EVENTS, {
    cache: "no-store",
    headers: { Accept: "text/event-stream", ...headers(), ...from },
    signal,
  });
  if (!response.ok || !response.body) throw new Error(`events: ${response.status}`);
  const text = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await text.read(); !part.done; part = await text.read()) reader.take(part.value);
}

/** Facts of a quarter of a second together: a storm becomes four messages a second. Only what they are about is kept. */
function gatherer(tell) {
  let waiting = null;
  return (event) => {
    const fact = named(event);
    if (!fact) return;
    if (waiting) {
      if (waiting.length < 200) waiting.push(fact);
      return;
    }
    waiting = [fact];
    setTimeout(() => {
      const facts = waiting;
      waiting = null;
      tell(facts);
    }, 250);
  };
}

function named(event) {
  try {
    const { type, subject } = JSON.parse(event.data);
    return { type: type ?? event.event, subject: subject ?? "" };
  } catch {
    return null;
  }
}

function pause(ms, signal) {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
  });
}
