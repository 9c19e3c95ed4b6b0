// Small live line charts, drawn as SVG: the last two minutes, one point a second.

import { make } from "./elements.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 300, HEIGHT = 84, SECONDS = 120;

function svg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export class Chart {
  /**
   * @param title what it shows
   * @param note how it is measured, in a few words
   * @param series [{name, label, style}]: `style` is a CSS class
   * @param spell a value for a person
   * @param least the smallest top of the axis
   */
  constructor(title, note, series, spell, least) {
    Object.assign(this, { title, series, spell, least, points: [] });
    this.top = svg("text", { x: WIDTH - 2, y: 9, class: "tick", "text-anchor": "end" });
    this.lines = series.map((one) => svg("path", { class: `line ${one.style}` }));
    this.area = svg("path", { class: `area ${series[0].style}` });
    this.picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none" });
    this.picture.append(svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5, class: "axis" }), this.area, ...this.lines);
    this.values = series.map((one) => make("b", { textContent: "–" }));
    this.most = make("span", { className: "most" });
    const legend = make("dl", { className: "legend" }, ...series.map((one, index) =>
      make("div", { className: one.style }, make("dt", { textContent: one.label }), make("dd", {}, this.values[index]))));
    this.element = make("figure", { className: "chart panel" },
      make("figcaption", {}, make("h3", { textContent: title }), make("p", { className: "note", textContent: note })),
      legend, make("div", { className: "plot" }, this.picture, this.most));
  }

  add(at, values) {
    this.points.push({ at, values });
    while (this.points.length && this.points[0].at < at - SECONDS) this.points.shift();
  }

  draw() {
    const newest = this.points.at(-1);
    if (!newest) return;
    const all = this.points.flatMap((point) => point.values).filter((value) => value !== null);
    const top = niceTop(Math.max(this.least, ...all));
    this.lines.forEach((line, index) => line.setAttribute("d", this.path(index, newest.at, top)));
    const line = this.path(0, newest.at, top);
    this.area.setAttribute("d", line && !line.slice(1).includes("M") ? `${line}L${WIDTH},${HEIGHT}L${this.x(this.points.find((point) => point.values[0] !== null).at, newest.at)},${HEIGHT}Z` : "");
    const said = newest.values.map((value) => (value === null ? "–" : this.spell(value)));
    said.forEach((text, index) => { this.values[index].textContent = text; });
    this.most.textContent = this.spell(top);
    this.picture.setAttribute("aria-label",
      `${this.title}: ${this.series.map((one, index) => `${one.label} ${said[index]}`).join(", ")}`);
  }

  x(at, now) { return (WIDTH * (1 - (now - at) / SECONDS)).toFixed(1); }

  path(index, now, top) {
    let path = "", isDrawing = false;
    for (const { at, values } of this.points) {
      const value = values[index];
      if (value !== null) path += `${isDrawing ? "L" : "M"}${this.x(at, now)},${(HEIGHT - 1 - (HEIGHT - 6) * value / top).toFixed(1)}`;
      isDrawing = value !== null;
    }
    return path;
  }
}

/** The next of 1, 2, 5 times a power of ten. */
function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}
