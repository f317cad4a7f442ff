// Quantities and times as people read them. Pure: the time now is given.

const SIZES = ["B", "kB", "MB", "GB", "TB", "PB"];
const NONE = "–";

/** Seconds as "340 ms", "3.2 s", "4 min 10 s", "2 h 5 min", "3 d 4 h". */
export function span(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NONE;
  const s = Math.max(0, seconds);
  if (s < 0.9995) return `${Math.round(s * 1000)} ms`;
  if (s < 9.95) return `${trimmed(s, 1)} s`;
  if (s < 59.5) return `${Math.round(s)} s`;
  const whole = Math.round(s);
  if (whole < 3600) return two(Math.floor(whole / 60), "min", whole % 60, "s");
  const minutes = Math.round(s / 60);
  if (minutes < 1440) return two(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(s / 3600);
  return two(Math.floor(hours / 24), "d", hours % 24, "h");
}

/** Bytes as "12.3 MB": powers of ten, as the config counts. */
export function bytes(count) {
  if (count === null || count === undefined || !Number.isFinite(count)) return NONE;
  let value = Math.abs(count);
  let place = 0;
  while (value >= 999.5 && place < SIZES.length - 1) {
    value /= 1000;
    place += 1;
  }
  return `${count < 0 ? "-" : ""}${trimmed(value, place && value < 99.95 ? 1 : 0)} ${SIZES[place]}`;
}

/** A number with at most three digits after the point, and none that say nothing. */
export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e7)) return value.toExponential(2);
  return trimmed(value, size < 1 ? 3 : size < 100 ? 2 : size < 1000 ? 1 : 0);
}

/** A share from 0 to 1 as "42 %". */
export function share(value) {
  return value === null || value === undefined || !Number.isFinite(value) ? NONE : `${Math.round(value * 100)} %`;
}

/** A measured value in its unit: bytes, percent, seconds, count, or empty. */
export function measured(value, unit) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  if (unit === "bytes") return bytes(value);
  if (unit === "seconds") return span(value);
  if (unit === "percent") return `${number(value)} %`;
  return number(value);
}

/** The unit of a metric whose unit nobody told, by its name; as in docs/metrics.md. */
export function unitOf(metric) {
  if (/^(memory|memory_total|pss|disk_read|disk_write|net_in|net_out)$|_bytes$/.test(metric)) return "bytes";
  if (/^(cpu|availability|error_rate|swap|disk|inodes|monitor_cpu)$|_percent$|^(pressure|stall)_/.test(metric)) return "percent";
  if (/^(latency|uptime)$|_s$|_seconds$/.test(metric)) return "seconds";
  return "count";
}

/** The time of day, with the date when it is not today. at, now: Unix seconds. */
export function clock(at, now) {
  if (!at) return NONE;
  const when = new Date(at * 1000);
  const time = `${pad(when.getHours())}:${pad(when.getMinutes())}:${pad(when.getSeconds())}`;
  const today = new Date(now * 1000).toDateString() === when.toDateString();
  return today ? time : `${when.getFullYear()}-${pad(when.getMonth() + 1)}-${pad(when.getDate())} ${time}`;
}

/** "12 s ago", or "in 4 min". */
export function ago(at, now) {
  if (!at) return NONE;
  const passed = now - at;
  if (passed < -0.5) return `in ${span(-passed)}`;
  return passed < 1 ? "just now" : `${span(passed)} ago`;
}

/** crash_loop as "crash loop". */
export function words(name) {
  return String(name ?? "").replaceAll("_", " ");
}

/** One or several: count(2, "issue") is "2 issues". */
export function count(number_, noun) {
  return `${number_} ${noun}${number_ === 1 ? "" : "s"}`;
}

/** A line of a log without the escape sequences that colour it in a terminal. */
export function bare(line) {
  // eslint-disable-next-line no-control-regex
  return line.replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g, "");
}

function two(large, largeUnit, small, smallUnit) {
  return small ? `${large} ${largeUnit} ${small} ${smallUnit}` : `${large} ${largeUnit}`;
}

function trimmed(value, digits) {
  const text = value.toFixed(digits);
  return digits ? text.replace(/\.?0+$/, "") : text;
}

function pad(value) {
  return String(value).padStart(2, "0");
}
