// Geometry of one panel: where it lies on the canvas, how data units become pixels, its title, ticks and grid.

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** Rectangles for the panels: in rows of so many, else side by side, or one below the other where the stage is narrow. */
export function arrange(panels, width, height, font, columns = 0) {
  if (columns && panels.length > columns) {
    const rows = Math.ceil(panels.length / columns);
    return panels.map((panel, i) => {
      const box = { x: ((i % columns) * width) / columns, y: (Math.floor(i / columns) * height) / rows, w: width / columns, h: height / rows };
      return new View(panel, box, font);
    });
  }
  const stacked = width < 30 * font && panels.length > 1;
  const total = panels.reduce((sum, p) => sum + p.share, 0);
  let offset = 0;
  return panels.map((panel) => {
    const length = ((stacked ? height : width) * panel.share) / total;
    const box = stacked ? { x: 0, y: offset, w: width, h: length } : { x: offset, y: 0, w: length, h: height };
    offset += length;
    return new View(panel, box, font);
  });
}

export class View {
  constructor(panel, box, font) {
    this.panel = panel;
    this.box = box;
    this.font = font;
    const left = panel.axes ? font * (panel.y_label ? 4.1 : 2.9) : font * 0.4;
    const bottom = panel.axes ? font * (panel.x_label ? 2.9 : 1.7) : font * 0.4;
    const top = panel.title ? font * 2 : font * 0.6;
    this.area = { x: box.x + left, y: box.y + top, w: Math.max(20, box.w - left - font), h: Math.max(20, box.h - top - bottom) };
    this.xRange = panel.x.map(panel.x_scale === "log" ? Math.log10 : Number);
    this.yRange = panel.y.map(panel.y_scale === "log" ? Math.log10 : Number);
    if (panel.equal) this.makeEqual();
  }

  /** Widen one of the ranges until a unit is as long across as up. */
  makeEqual() {
    const { w, h } = this.area;
    const perPixel = Math.max(span(this.xRange) / w, span(this.yRange) / h);
    this.xRange = around(this.xRange, perPixel * w);
    this.yRange = around(this.yRange, perPixel * h);
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
    if (panel.title) {
      ctx.font = `600 ${font * 1.06}px ${family}`;
      ctx.fillStyle = colours.ink;
      ctx.textAlign = "left";
      ctx.fillText(panel.title, area.x, box.y + font, area.w);
    }
    if (!panel.axes) return;
    ctx.font = `${font * 0.84}px ${family}`;
    ctx.lineWidth = 1;
    const x = this.axis("x");
    const y = this.axis("y");
    for (const { value, text } of x.ticks) this.drawTick(ctx, "x", value, text, colours);
    for (const { value, text } of y.ticks) this.drawTick(ctx, "y", value, text, colours);
    ctx.fillStyle = colours.axis;
    ctx.textAlign = "center";
    if (x.label) ctx.fillText(x.label, area.x + area.w / 2, area.y + area.h + font * 2.2, area.w);
    if (y.label) {
      ctx.save();
      ctx.translate(box.x + font * 0.75, area.y + area.h / 2);
      ctx.rotate(-Math.PI / 2);
      ctx.fillText(y.label, 0, 0, area.h);
      ctx.restore();
    }
  }

  /** What stands at an axis: its label, and ticks at places in data units. */
  axis(name) {
    const { panel, font, area } = this;
    const [range, most] = name === "x" ? [this.xRange, area.w / (font * 4.5)] : [this.yRange, area.h / (font * 3)];
    const label = panel[`${name}_label`];
    if (panel[`${name}_scale`] === "log") return { label, ticks: logTicks(range, most) };
    const [centre, scale] = panel[`${name}_unit`];
    if (isOwn([centre, scale])) return unitAxis(label, range.map((v) => centre + scale * v), most, (shown) => (shown - centre) / scale);
    return { label, ticks: linearTicks(range, most) };
  }

  /** A coordinate as a person writes it, in the units of its axis. */
  text(name, value, digits = 4) {
    const [centre, scale] = this.panel[`${name}_unit`];
    if (!isOwn([centre, scale])) return number(value, digits);
    const shown = centre + scale * value;
    const resolution = (scale * span(name === "x" ? this.xRange : this.yRange)) / 1000;
    return number(shown, clampDigits(Math.ceil(Math.log10(Math.abs(shown) / resolution))));
  }

  /** The edge of what can be painted on: an equal-aspect panel shows more than its ranges. */
  drawBoard(ctx, colours) {
    const [[left, right], [low, high]] = [this.panel.x.map((v) => this.x(v)), this.panel.y.map((v) => this.y(v))];
    ctx.save();
    ctx.strokeStyle = colours.muted;
    ctx.lineWidth = 1.5;
    ctx.setLineDash([6, 5]);
    ctx.strokeRect(left, high, right - left, low - high);
    ctx.restore();
  }

  drawTick(ctx, axis, value, text, colours) {
    const { area, font } = this;
    const p = Math.round(axis === "x" ? this.x(value) : this.y(value)) + 0.5;
    ctx.strokeStyle = value === 0 ? colours.muted : colours.grid;
    ctx.beginPath();
    if (axis === "x") ctx.moveTo(p, area.y), ctx.lineTo(p, area.y + area.h);
    else ctx.moveTo(area.x, p), ctx.lineTo(area.x + area.w, p);
    ctx.stroke();
    ctx.fillStyle = colours.axis;
    ctx.textAlign = axis === "x" ? "center" : "right";
    if (axis === "x") ctx.fillText(text, p, area.y + area.h + font * 0.95);
    else ctx.fillText(text, area.x - font * 0.45, p);
  }
}

const span = ([low, high]) => high - low;

function around([low, high], length) {
  const middle = (low + high) / 2;
  return [middle - length / 2, middle + length / 2];
}

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
  const ticks = [];
  for (let e = Math.ceil(low - 1e-9); e <= high + 1e-9; e += every) {
    const text = e >= -2 && e <= 3 ? String(Number((10 ** e).toFixed(2))) : powerOfTen(e);
    ticks.push({ value: 10 ** e, text });
  }
  return ticks;
}

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
