// What the node said last, by path; asked for again when a fact tells of it, and on a timer.

import { NoAnswer, Problem, get } from "./api.js";

const EVERY_MS = 5000; // facts are hints; what they left out is seen after this
const AGAIN_MS = 1000; // the shortest time between two requests for the same
const MISSED = /^(link\.)?lost$/; // facts may have been missed: anything may have changed
const LOST_MS = 2000; // between attempts while the node does not answer

/** Resources of the screen that is shown. changed() when anything is new; refused() when looking needs the token. */
export class Store {
  constructor(changed, refused) {
    this._changed = changed;
    this._refused = refused;
    this._parts = new Map();
    this._timer = null;
  }

  /** Want exactly these paths, each {path, every?, on?}; every: ms, on: a pattern of fact types. Others are let go. */
  want(wanted) {
    const paths = new Set(wanted.map(({ path }) => path));
    for (const path of this._parts.keys()) if (!paths.has(path)) this._parts.delete(path);
    for (const each of wanted) {
      const known = this._parts.get(each.path);
      if (known) Object.assign(known, each);
      else this._parts.set(each.path, { every: EVERY_MS, on: null, data: null, error: null, at: 0, due: 0, asked: 0, busy: false, ...each });
    }
    this.look();
  }

  /** {data, error, at} of a path; data stays what it was while an error lasts. at: Unix seconds. */
  part(path) {
    return this._parts.get(path) ?? { data: null, error: null, at: 0 };
  }

  /** What is shown though it was asked for again and refused: {path, error}. */
  get old() {
    return [...this._parts.values()].filter(({ data, error }) => data && error && !(error instanceof NoAnswer));
  }

  /** Facts came: whatever they tell of is due. */
  heard(facts) {
    const now = Date.now();
    for (const part of this._parts.values()) {
      if (part.on && facts.some(({ type }) => part.on.test(type) || MISSED.test(type))) {
        part.due = Math.min(part.due, part.asked + AGAIN_MS);
      }
    }
    this._next(now);
  }

  /** Ask for all at once, as after an action or when the tab is looked at again. */
  refresh() {
    for (const part of this._parts.values()) part.due = 0;
    this.look();
  }

  /** Ask for what is due, and come back for the rest. A tab that is not seen asks for nothing. */
  look() {
    const now = Date.now();
    if (!document.hidden) {
      for (const part of this._parts.values()) if (!part.busy && part.due <= now) this._ask(part);
    }
    this._next(now);
  }

  _next(now) {
    clearTimeout(this._timer);
    if (document.hidden) return;
    const dues = [...this._parts.values()].filter((part) => !part.busy).map((part) => part.due);
    if (dues.length) this._timer = setTimeout(() => this.look(), Math.max(50, Math.min(...dues) - now));
  }

  async _ask(part) {
    part.busy = true;
    part.asked = Date.now();
    part.due = part.asked + part.every; // a fact may bring it forward meanwhile
    try {
      part.data = await get(part.path);
      part.error = null;
      part.at = Date.now() / 1000;
    } catch (error) {
      part.error = error;
      if (error instanceof NoAnswer) part.due = Date.now() + LOST_MS;
      if (error instanceof Problem && error.status === 401) this._refused();
    }
    part.busy = false;
    if (this._parts.get(part.path) === part) this._changed();
    this._next(Date.now());
  }
}
