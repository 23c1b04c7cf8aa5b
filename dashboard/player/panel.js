// Geometry of one panel: where it lies on the canvas, how data units become pixels, its title, ticks and grid.

import { axesOf } from "./arrange.js";
import { fitting } from "./names.js";

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

export class View {
  /** @param box {x, y, w, h, left, right, top, bottom}: where it lies, and the room around its axes. */
  constructor(panel, box, font) {
    this.panel = panel;
    this.box = box;
    this.font = font;
    const [wide, high] = [box.w - box.left - box.right, box.h - box.top - box.bottom].map((length) => Math.max(20, length));
    const [w, h] = panel.equal ? axesOf(box).map((length) => Math.max(20, length)) : [wide, high];
    this.area = { x: box.x + box.left + (wide - w) / 2, y: box.y + box.top + (high - h) / 2, w, h };
    this.xRange = panel.x.map(panel.x_scale === "log" ? Math.log10 : Number);
    this.yRange = panel.y.map(panel.y_scale === "log" ? Math.log10 : Number);
  }

  x(value) {
    const v = this.panel.x_scale === "log" ? Math.log10(value) : value;
    return this.area.x + ((v - this.xRange[0]) / span(this.xRange)) * this.area.w;
  }

  y(value) {
    const v = this.panel.y_scale === "log" ? Math.log10(value) : value;
    return this.area.y + this.area.h - ((v - this.yRange[0]) / span(this.yRange)) * this.area.h;
  }

  /** Pixels to data units. */
  invert(px, py) {
    const x = this.xRange[0] + ((px - this.area.x) / this.area.w) * span(this.xRange);
    const y = this.yRange[0] + ((this.area.y + this.area.h - py) / this.area.h) * span(this.yRange);
    return [this.panel.x_scale === "log" ? 10 ** x : x, this.panel.y_scale === "log" ? 10 ** y : y];
  }

  contains(px, py) {
    const { x, y, w, h } = this.area;
    return px >= x && px <= x + w && py >= y && py <= y + h;
  }

  drawFrame(ctx, colours, family) {
    const { font, area, panel, box } = this;
    ctx.textBaseline = "middle";
    ctx.fillStyle = colours.ink;
    ctx.textAlign = "left";
    if (panel.title) this.drawTitle(ctx, family);
    if (!panel.axes) return;
    ctx.font = `${font}px ${family}`;
    ctx.lineWidth = 1;
    const x = this.axis("x");
    const y = this.axis("y");
    ctx.fillStyle = colours.axis;
    ctx.textAlign = "right";
    const label = fitting(ctx, x.label, 0.7 * area.w); // it stands at the axis' end, in the place of ticks
    const from = label ? area.x + area.w - ctx.measureText(label).width - 0.7 * font : Infinity;
    if (label) ctx.fillText(label, area.x + area.w, area.y + area.h + font * 0.9);
    for (const { value, text } of x.ticks) this.drawTick(ctx, "x", value, text, colours, from);
    for (const { value, text } of y.ticks) this.drawTick(ctx, "y", value, text, colours);
    ctx.fillStyle = colours.axis;
    if (y.label && isShort(y.label)) {
      ctx.textAlign = "right";
      ctx.fillText(y.label, area.x - font * 0.45, area.y - font * 0.9);
    } else if (y.label) {
      ctx.textAlign = "center";
      ctx.save();
      ctx.translate(area.x - box.left + font * 0.7, area.y + area.h / 2);
      ctx.rotate(-Math.PI / 2);
      ctx.fillText(fitting(ctx, y.label, area.h), 0, 0);
      ctx.restore();
    }
  }

  /** In one line, smaller if it must be, else in two. */
  drawTitle(ctx, family, title = this.panel.title) {
    const { font, area, box } = this;
    const room = box.x + box.w - area.x - (box.taken ?? 0);
    const middle = area.y - 0.84 * font;
    for (const size of [1.14, 1.06, 1]) {
      ctx.font = `600 ${font * size}px ${family}`;
      if (ctx.measureText(title).width <= room) return ctx.fillText(title, area.x, middle);
    }
    const words = title.split(" ");
    const length = (k) => Math.max(...[words.slice(0, k), words.slice(k)].map((part) => ctx.measureText(part.join(" ")).width));
    const cut = words.map((_, k) => k).slice(1).sort((a, b) => length(a) - length(b))[0] ?? 1;
    [words.slice(0, cut), words.slice(cut)].forEach((part, k) => ctx.fillText(fitting(ctx, part.join(" "), room), area.x, area.y + (0.92 * (k - 0.5) - 0.77) * font));
  }

  /** What stands at an axis: its label, and ticks at places in data units. */
  axis(name) {
    const { panel, font, area } = this;
    const [range, most] = name === "x" ? [this.xRange, area.w / (font * 5)] : [this.yRange, area.h / (font * 3)];
    return axisOf(panel, name, range, panel[`${name}_names`].length ? (name === "x" ? area.w / font : area.h / (0.95 * font)) : most);
  }

  /** A coordinate as a person writes it, in the units of its axis. */
  text(name, value, decimals) {
    const [centre, scale] = this.panel[`${name}_unit`];
    if (!isOwn([centre, scale])) return number(decimals === undefined ? value : Number(value.toFixed(decimals)));
    const shown = centre + scale * value;
    const resolution = (scale * span(name === "x" ? this.xRange : this.yRange)) / 1000;
    return number(shown, clampDigits(Math.ceil(Math.log10(Math.abs(shown) / resolution))));
  }

  /** The edge of what can be painted on. */
  drawBoard(ctx, colours) {
    const [[left, right], [low, high]] = [this.panel.x.map((v) => this.x(v)), this.panel.y.map((v) => this.y(v))];
    ctx.save();
    ctx.strokeStyle = colours.muted;
    ctx.lineWidth = 1.5;
    ctx.setLineDash([6, 5]);
    ctx.strokeRect(left, high, right - left, low - high);
    ctx.restore();
  }

  drawTick(ctx, axis, value, text, colours, from = Infinity) {
    const { area, font } = this;
    const p = Math.round(axis === "x" ? this.x(value) : this.y(value)) + 0.5;
    ctx.strokeStyle = value === 0 && !this.panel[`${axis}_names`].length ? colours.muted : colours.grid; // a name is no zero
    ctx.beginPath();
    if (axis === "x") ctx.moveTo(p, area.y), ctx.lineTo(p, area.y + area.h);
    else ctx.moveTo(area.x, p), ctx.lineTo(area.x + area.w, p);
    ctx.stroke();
    ctx.fillStyle = colours.axis;
    ctx.textAlign = axis === "x" ? "center" : "right";
    if (axis === "y") return ctx.fillText(text, area.x - font * 0.45, Math.min(Math.max(p, area.y + 0.3 * font), area.y + area.h - 0.3 * font));
    if (p + ctx.measureText(text).width / 2 < from) ctx.fillText(text, p, area.y + area.h + font * 0.9);
  }
}

/** Whether a y axis' name has room above its numbers. */
export const isShort = (label) => [...label].length <= 3;

function axisOf(panel, name, range, most) {
  const label = panel[`${name}_label`];
  if (panel[`${name}_names`].length) return { label, ticks: namedTicks(panel[`${name}_names`], range, most) };
  if (panel[`${name}_scale`] === "log") return { label, ticks: logTicks(range, most) };
  const [centre, scale] = panel[`${name}_unit`];
  if (isOwn([centre, scale])) return unitAxis(label, range.map((v) => centre + scale * v), most, (shown) => (shown - centre) / scale);
  return { label, ticks: linearTicks(range, most) };
}

/** Letters of the longest number at a panel's y axis, whatever its height. */
export function widestTick(panel) {
  const range = panel.y.map(panel.y_scale === "log" ? Math.log10 : Number);
  return Math.max(...[4, 9].flatMap((most) => axisOf(panel, "y", range, most).ticks.map(({ text }) => text.replace(".", "").length)));
}

const span = ([low, high]) => high - low;

const isOwn = ([centre, scale]) => centre !== 0 || scale !== 1;
const clampDigits = (digits) => Math.min(15, Math.max(3, Number.isFinite(digits) ? digits : 3));

/** Ticks of few characters whatever the units: what they leave out (a power of ten, an offset) the label says. */
export function unitAxis(label, [low, high], most, toData) {
  const length = high - low;
  const round = 10 ** Math.ceil(Math.log10(length));
  const far = Math.max(Math.abs(low), Math.abs(high)) > 1e3 * length;
  const offset = far ? Math.round((low + high) / 2 / round) * round : 0;
  const power = Math.floor(Math.log10(Math.max(Math.abs(low - offset), Math.abs(high - offset))));
  const factor = power >= 5 || power < -2 ? 10 ** power : 1;
  const ticks = linearTicks([low, high].map((v) => (v - offset) / factor), most);
  const shifted = offset ? `${label} ${offset > 0 ? "−" : "+"} ${number(Math.abs(offset), 15)}` : label;
  const over = factor === 1 ? "" : ` / ${powerOfTen(power)}`;
  return {
    label: offset && over ? `(${shifted})${over}` : shifted + over,
    ticks: ticks.map(({ value, text }) => ({ value: toData(offset + factor * value), text })),
  };
}

/** A name at each whole number, or at every second, third … where they would lie on each other. */
function namedTicks(names, [low, high], most) {
  const every = Math.max(1, Math.ceil((high - low) / most));
  return names.map((text, value) => ({ value, text })).filter(({ value }) => value >= low && value <= high && value % every === 0);
}

/** Round numbers 1, 2 or 5 times a power of ten apart. */
export function linearTicks([low, high], most) {
  const rough = (high - low) / Math.max(2, Math.min(most, 9));
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) {
    const value = k === 0 ? 0 : k * step;
    ticks.push({ value, text: value.toFixed(digits).replace("-", "−") });
  }
  return ticks;
}

function logTicks([low, high], most) {
  const every = Math.max(1, Math.ceil((high - low) / Math.max(2, most)));
  const powers = [];
  for (let e = Math.ceil(low - 1e-9); e <= high + 1e-9; e += every) powers.push({ value: 10 ** e, text: logText(e, 1) });
  if (powers.length > 1) return powers;
  const finer = [0, 1].flatMap((k) => [1, 2, 5].map((m) => [Math.floor(low) + k, m])).map(([e, m]) => ({ value: m * 10 ** e, text: logText(e, m) }));
  const inside = finer.filter(({ value }) => value >= 10 ** (low - 1e-9) && value <= 10 ** (high + 1e-9));
  return inside.length > 1 ? inside : linearTicks([10 ** low, 10 ** high], most);
}

const logText = (e, m) => (e >= -2 && e <= 3 ? String(Number((m * 10 ** e).toFixed(2))) : (m > 1 ? `${m}·` : "") + powerOfTen(e));

const powerOfTen = (e) => "10" + [...String(e)].map((c) => SUPERSCRIPT[c]).join("");

/** A number as a person writes it: four significant digits, a real minus sign. */
export function number(value, digits = 4) {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e6)) return String(Number(value.toPrecision(digits))).replace("-", "−");
  const [mantissa, power] = value.toExponential(Math.max(2, digits - 2)).split("e");
  return `${mantissa.replace("-", "−")} · ${powerOfTen(Number(power))}`;
}
