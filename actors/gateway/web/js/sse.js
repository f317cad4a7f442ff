// Reads a text/event-stream. EventSource cannot send a bearer token or begin at a given id; fetch can.

/** Parses pieces of a stream as they come. tell({id, event, data}) for each event; id: the last one that was given. */
export class EventReader {
  constructor(tell) {
    this.lastId = "";
    this._tell = tell;
    this._rest = "";
    this._afterCr = false;
    this._clear();
  }

  /** Take in a piece of text; it may end anywhere, also between CR and LF. */
  take(text) {
    if (!text) return;
    let piece = text;
    if (this._afterCr && piece.startsWith("\n")) piece = piece.slice(1);
    this._afterCr = text.endsWith("\r");
    const lines = (this._rest + piece).split(/\r\n|\r|\n/);
    this._rest = lines.pop();
    for (const line of lines) this._line(line);
  }

  _line(line) {
    if (line === "") {
      if (this._data.length) this._tell({ id: this.lastId, event: this._event, data: this._data.join("\n") });
      this._clear();
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this._data.push(value);
    else if (field === "event") this._event = value;
    else if (field === "id" && !value.includes("\0")) this.lastId = value;
  }

  _clear() {
    this._data = [];
    this._event = "message";
  }
}
