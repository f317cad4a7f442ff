// A chart of one metric: mean as a line, lowest to highest as a band.

import { Component, createRef, h } from "/static/vendor/preact.mjs";
import { clock, measured, words } from "./format.js";

let loading = null;
const load = () => (loading ??= import("/static/vendor/uPlot.esm.js").then((module) => module.default));

/** row: {metric, unit, times, lows, means, highs, last}. limit: a threshold to be shown, or null. since, until: Unix seconds. */
export class Chart extends Component {
  constructor() {
    super();
    this.box = createRef();
    this.plot = null;
    this.gone = false;
    this.rebuild = () => this.build();
  }

  async componentDidMount() {
    this.uPlot = await load();
    if (this.gone) return;
    this.build();
    this.watch = new ResizeObserver(() => this.plot?.setSize(this.size()));
    this.watch.observe(this.box.current);
    addEventListener("themechange", this.rebuild);
  }

  componentDidUpdate() {
    if (!this.plot) return;
    if (this.shape !== this.shapeOf()) this.build();
    else this.plot.setData(dataOf(this.props.row)); // asks for the range of x anew
  }

  componentWillUnmount() {
    this.gone = true;
    removeEventListener("themechange", this.rebuild);
    this.watch?.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  size() {
    return { width: Math.max(200, this.box.current.clientWidth), height: 150 };
  }

  shapeOf() {
    return `${this.props.row.unit} ${this.props.limit ?? ""}`;
  }

  build() {
    const { row, limit } = this.props;
    this.plot?.destroy();
    this.shape = this.shapeOf();
    const style = getComputedStyle(this.box.current);
    const colour = (name) => resolved(this.box.current, style.getPropertyValue(name));
    const range = () => [this.props.since, this.props.until];
    this.plot = new this.uPlot(optionsOf(row, { limit, range, colour, size: this.size() }), dataOf(row), this.box.current);
  }

  render({ row }) {
    const name = words(row.metric);
    const text = `${name}: now ${measured(row.last, row.unit)}, from ${measured(row.lowest, row.unit)} to ${measured(row.highest, row.unit)}`;
    return h(
      "figure",
      { class: "chart" },
      h("h3", null, name, h("span", { class: "num" }, measured(row.last, row.unit))),
      h("div", { class: "plot", ref: this.box, role: "img", "aria-label": text }),
    );
  }
}

const dataOf = (row) => [row.times, row.highs, row.lows, row.means];

function optionsOf(row, { limit, range, colour, size }) {
  const show = (_, value) => (value === null ? "–" : measured(value, row.unit));
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  const edge = { stroke: "transparent", points: { show: false } };
  return {
    ...size,
    cursor: { y: false, points: { size: 6 } },
    legend: { show: true, live: true },
    scales: { x: { range }, y: { range: (_, low, high) => rangeOf(low, high, limit) } },
    series: [
      { label: "at", value: (_, at) => (at === null ? "–" : clock(at, Date.now() / 1000)) },
      { label: "highest", value: show, ...edge },
      { label: "lowest", value: show, ...edge },
      { label: "mean", value: show, stroke: colour("--accent"), width: 1.5, points: { show: row.times.length < 2 } },
    ],
    bands: [{ series: [1, 2], fill: colour("--busy-ground") }],
    axes: [{ ...axis, size: 30, space: 70, values: (_, ticks) => ticks.map((tick) => tickOf(tick, ticks)) }, { ...axis, size: 62, values: (_, ticks) => ticks.map((tick) => measured(tick, row.unit)) }],
    hooks: limit === null || limit === undefined ? {} : { draw: [(plot) => drawLimit(plot, limit, colour("--bad"))] },
  };
}

/** A time on the axis, as short as its neighbours allow. */
function tickOf(at, ticks) {
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 60;
  const text = clock(at, at);
  const when = new Date(at * 1000);
  if (step >= 86_400) return `${when.getMonth() + 1}-${String(when.getDate()).padStart(2, "0")}`;
  return step >= 60 ? text.slice(0, 5) : text;
}

/** From 0, with some air, and with the limit in sight when the readings come near it. */
function rangeOf(low, high, limit) {
  const top = Math.max(high ?? 0, 0);
  const bottom = Math.min(low ?? 0, 0);
  const reach = limit !== null && limit !== undefined && limit > 0 && top > limit / 3 ? Math.max(top, limit) : top;
  return [bottom, reach > bottom ? bottom + (reach - bottom) * 1.1 : bottom + 1];
}

function drawLimit(plot, limit, colour) {
  const y = plot.valToPos(limit, "y", true);
  const { left, top, width, height } = plot.bbox;
  if (y < top || y > top + height) return;
  const { ctx } = plot;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.setLineDash([6, 4]);
  ctx.beginPath();
  ctx.moveTo(left, y);
  ctx.lineTo(left + width, y);
  ctx.stroke();
  ctx.restore();
}

/** A canvas does not know light-dark(): the colour as the browser resolved it. */
function resolved(box, value) {
  const probe = document.createElement("span");
  probe.style.color = value;
  box.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}
