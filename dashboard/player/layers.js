// How each kind of layer is drawn, and what it answers when the pointer rests on it.
//
// A painter takes (ctx, layer, get, view, look): `get(channel)` gives {data, shape} of the frame shown, `view`
// turns data units into pixels, `look` holds colours and sizes.

import { number } from "./panel.js";
import { hoverText, text } from "./text.js";

export const painters = { field, points, arrows, ellipses, polylines, bars, curve, images, labels, diagram, text };

const REACH = 12; // pixels within which a point answers

function field(ctx, layer, get, view, look) {
  const values = get("values");
  const [height, width] = values.shape;
  const sheet = look.sheet(layer, width, height);
  const table = look.table(layer.colour_map);
  if (sheet.values !== values.data || sheet.table !== table) (layer.classes ? classIn : colourIn)(sheet, values, layer, table, look);
  const [x0, x1, y0, y1] = layer.extent;
  ctx.globalAlpha = layer.alpha;
  ctx.imageSmoothingEnabled = !layer.crisp;
  ctx.drawImage(sheet.canvas, view.x(x0), view.y(y1), view.x(x1) - view.x(x0), view.y(y0) - view.y(y1));
}

function colourIn(sheet, values, layer, table) {
  const [low, high] = layer.limits;
  const fades = layer.colour_map === "sequential"; // near its lowest value the grid shows through
  const [height, width] = values.shape;
  const pixels = sheet.image.data;
  for (let row = 0; row < height; row++) {
    for (let col = 0; col < width; col++) {
      const value = values.data[(height - 1 - row) * width + col];
      const at = 4 * (row * width + col);
      const share = clamp((value - low) / (high - low));
      const entry = 3 * Math.round(255 * share);
      pixels[at] = table[entry];
      pixels[at + 1] = table[entry + 1];
      pixels[at + 2] = table[entry + 2];
      pixels[at + 3] = Number.isNaN(value) ? 0 : 255 * (fades ? Math.min(1, share * 16) : 1);
    }
  }
  sheet.ctx.putImageData(sheet.image, 0, 0);
  Object.assign(sheet, { values: values.data, table });
}

function classIn(sheet, values, layer, table, look) {
  const [height, width] = values.shape;
  const pixels = sheet.image.data;
  for (let i = 0; i < height * width; i++) {
    const at = 4 * ((height - 1 - Math.floor(i / width)) * width + (i % width));
    pixels.set(look.rgb(`class${values.data[i]}`), at);
    pixels[at + 3] = 255;
  }
  sheet.ctx.putImageData(sheet.image, 0, 0);
  Object.assign(sheet, { values: values.data, table });
}

function points(ctx, layer, get, view, look) {
  const xy = get("xy").data;
  const n = visibleCount(get, xy.length / 2);
  const radius = layer.radius * look.scale;
  const labels = get("labels")?.data;
  const values = get("values")?.data;
  const weights = get("weights");
  const colourOf = (i) => labels ? look.colour(`class${labels[i]}`)
    : values ? look.mapped(layer.colour_map, values[i])
    : look.mixed(weights.data, i, weights.shape[1]);
  const plain = labels || values || weights ? null : look.dot(look.colour(layer.colour), radius);
  ctx.globalAlpha = layer.alpha;
  if (layer.trail) drawTrail(ctx, layer, view, look, n, labels);
  for (let i = 0; i < n; i++) {
    const x = view.x(xy[2 * i]);
    const y = view.y(xy[2 * i + 1]);
    if (Number.isNaN(x + y)) continue;
    const dot = plain ?? look.dot(colourOf(i), radius);
    ctx.drawImage(dot.canvas, x - dot.half, y - dot.half, 2 * dot.half, 2 * dot.half);
  }
}

function drawTrail(ctx, layer, view, look, n, labels) {
  const past = look.past(layer.trail, "xy");
  ctx.lineWidth = 1.5 * look.scale;
  for (let i = 0; i < n; i++) {
    ctx.strokeStyle = labels ? look.colour(`class${labels[i]}`) : look.colour(layer.colour);
    ctx.beginPath();
    past.forEach(({ data }, k) => ctx[k ? "lineTo" : "moveTo"](view.x(data[2 * i]), view.y(data[2 * i + 1])));
    ctx.stroke();
  }
}

function arrows(ctx, layer, get, view, look) {
  const from = get("start").data;
  const by = get("delta").data;
  ctx.strokeStyle = ctx.fillStyle = look.colour(layer.colour);
  ctx.lineWidth = layer.width * look.scale;
  const head = 4 * layer.width * look.scale;
  ctx.beginPath();
  for (let i = 0; i < from.length; i += 2) {
    arrow(ctx, view.x(from[i]), view.y(from[i + 1]), view.x(from[i] + by[i]), view.y(from[i + 1] + by[i + 1]), head);
  }
  ctx.stroke();
}

function arrow(ctx, x0, y0, x1, y1, head) {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (!(length > 0.5)) return;
  const size = Math.min(head, length / 2);
  const angle = Math.atan2(y1 - y0, x1 - x0);
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  for (const turn of [-2.6, 2.6]) {
    ctx.moveTo(x1, y1);
    ctx.lineTo(x1 + size * Math.cos(angle + turn), y1 + size * Math.sin(angle + turn));
  }
}

function ellipses(ctx, layer, get, view, look) {
  const mean = get("mean").data;
  const covariance = get("covariance").data;
  const weight = get("weight")?.data;
  for (let k = 0; k < mean.length / 2; k++) {
    ctx.strokeStyle = ctx.fillStyle = look.colour(layer.classes ? `class${k}` : layer.colour);
    const strength = weight ? 0.25 + 0.75 * clamp(weight[k]) : 1;
    const { a, b, angle } = axesOf(covariance.subarray(4 * k, 4 * k + 4));
    layer.sigmas.forEach((sigma, level) => {
      ctx.beginPath();
      tracePath(ctx, view, mean[2 * k], mean[2 * k + 1], sigma * a, sigma * b, angle);
      ctx.globalAlpha = 0.12 * strength;
      if (layer.filled) ctx.fill();
      ctx.globalAlpha = strength;
      ctx.lineWidth = (layer.width * look.scale) / (1 + 0.4 * level);
      ctx.setLineDash(layer.dashed ? [7 * look.scale, 5 * look.scale] : []);
      ctx.stroke();
    });
    ctx.setLineDash([]);
    const dot = look.dot(ctx.strokeStyle, 3.5 * look.scale);
    if (!layer.dashed) ctx.drawImage(dot.canvas, view.x(mean[2 * k]) - dot.half, view.y(mean[2 * k + 1]) - dot.half, 2 * dot.half, 2 * dot.half);
  }
}

/** Half-axes and tilt of the 1-σ ellipse: square roots of the eigenvalues, angle of the larger's vector. */
export function axesOf([sxx, sxy, , syy]) {
  const middle = (sxx + syy) / 2;
  const apart = Math.hypot((sxx - syy) / 2, sxy);
  return {
    a: Math.sqrt(Math.max(0, middle + apart)),
    b: Math.sqrt(Math.max(0, middle - apart)),
    angle: 0.5 * Math.atan2(2 * sxy, sxx - syy),
  };
}

function tracePath(ctx, view, cx, cy, a, b, angle) {
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  for (let k = 0; k <= 72; k++) {
    const u = a * Math.cos((k * Math.PI) / 36);
    const v = b * Math.sin((k * Math.PI) / 36);
    ctx[k ? "lineTo" : "moveTo"](view.x(cx + u * cos - v * sin), view.y(cy + u * sin + v * cos));
  }
}

function polylines(ctx, layer, get, view, look) {
  const { data, shape } = get("xy");
  const weight = get("weight")?.data;
  const [count, length] = shape;
  ctx.strokeStyle = look.colour(layer.colour);
  ctx.globalAlpha = layer.alpha;
  ctx.lineWidth = layer.width * look.scale;
  ctx.lineJoin = "round";
  ctx.setLineDash(layer.dashed ? [7 * look.scale, 5 * look.scale] : []);
  ctx.fillStyle = ctx.strokeStyle;
  ctx.beginPath();
  for (let p = 0; p < count; p++) {
    if (weight) { // each line by itself
      if (!(weight[p] > 0)) continue;
      ctx.beginPath();
      ctx.globalAlpha = layer.alpha * clamp(0.15 + 0.85 * weight[p]);
      ctx.lineWidth = layer.width * look.scale * (0.3 + 2.7 * clamp(weight[p]));
    }
    let drawing = false;
    for (let i = p * length; i < (p + 1) * length; i++) {
      const x = view.x(data[2 * i]);
      const y = view.y(data[2 * i + 1]);
      const there = !Number.isNaN(x + y);
      if (there) ctx[drawing ? "lineTo" : "moveTo"](x, y);
      drawing = there;
    }
    if (layer.closed) ctx.closePath();
    if (weight) ctx.stroke();
  }
  if (weight) return;
  if (layer.filled) {
    ctx.globalAlpha = 0.22;
    ctx.fill();
    ctx.globalAlpha = layer.alpha;
  }
  ctx.stroke();
}

function bars(ctx, layer, get, view, look) {
  const height = get("height").data;
  const at = get("x")?.data;
  const name = barNames(layer, get);
  const zero = view.y(layer.base);
  ctx.textAlign = "center";
  for (let i = 0; i < height.length; i++) {
    if (Number.isNaN(height[i])) continue;
    const x = at ? at[i] : i;
    const left = view.x(x - layer.width / 2);
    const top = view.y(height[i]);
    ctx.fillStyle = look.colour(layer.classes ? `class${i}` : layer.colour);
    ctx.fillRect(left, Math.min(top, zero), Math.max(1, view.x(x + layer.width / 2) - left), Math.abs(zero - top));
    if (name(i)) {
      ctx.font = `${view.font}px ${look.family}`;
      ctx.fillStyle = look.colour("ink");
      ctx.fillText(name(i), view.x(x), Math.max(view.area.y + 0.6 * view.font, Math.min(top, zero) - view.font * 0.7));
    }
  }
}

/** What stands on a bar: its label, or the one that it is marked with. */
function barNames(layer, get) {
  const marks = get("marks")?.data;
  return (i) => layer.labels[marks ? marks[i] : i];
}

function curve(ctx, layer, get, view, look) {
  const y = look.series("y");
  const x = look.series("x") ?? look.steps;
  const trace = (from, to) => {
    ctx.beginPath();
    let drawing = false;
    for (let i = from; i <= to; i++) {
      const px = view.x(x[i]);
      const py = view.y(y[i]);
      const there = Number.isFinite(px) && Number.isFinite(py);
      if (there) ctx[drawing ? "lineTo" : "moveTo"](px, py);
      drawing = there;
    }
    ctx.stroke();
  };
  ctx.strokeStyle = look.colour(layer.colour);
  ctx.lineWidth = layer.width * look.scale;
  ctx.lineJoin = "round";
  ctx.setLineDash(layer.dashed ? [7 * look.scale, 5 * look.scale] : []);
  ctx.globalAlpha = 0.28;
  trace(look.index, y.length - 1);
  ctx.globalAlpha = 1;
  trace(0, look.index);
  ctx.setLineDash([]);
  const px = view.x(get("x")?.data[0] ?? look.step);
  const py = view.y(get("y").data[0]);
  if (!Number.isFinite(px) || !Number.isFinite(py)) return;
  const dot = look.dot(look.colour(layer.colour), 5 * look.scale);
  ctx.drawImage(dot.canvas, px - dot.half, py - dot.half, 2 * dot.half, 2 * dot.half);
}

function images(ctx, layer, get, view, look) {
  const pixels = get("pixels");
  const [count, height, width] = pixels.shape;
  const sheet = look.sheet(layer, layer.columns * width, Math.ceil(count / layer.columns) * height);
  const table = layer.coloured ? null : look.inks();
  if (sheet.values !== pixels.data || sheet.table !== table) inkIn(sheet, pixels, layer.columns, table);
  const [x0, x1, y0, y1] = layer.extent;
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(sheet.canvas, view.x(x0), view.y(y1), view.x(x1) - view.x(x0), view.y(y0) - view.y(y1));
}

function inkIn(sheet, { data, shape: [count, height, width] }, columns, table) {
  const out = new Uint32Array(sheet.image.data.buffer);
  for (let n = 0; n < count; n++) {
    const left = (n % columns) * width;
    const top = Math.floor(n / columns) * height;
    for (let row = 0; row < height; row++) {
      const from = (n * height + row) * width;
      const to = (top + row) * sheet.canvas.width + left;
      for (let col = 0; col < width; col++) out[to + col] = table ? table[data[from + col]] : data[from + col];
    }
  }
  sheet.ctx.putImageData(sheet.image, 0, 0);
  Object.assign(sheet, { values: data, table });
}

function labels(ctx, layer, get, view, look) {
  const at = get("at").data;
  const size = view.font * Math.max(1, layer.size);
  ctx.font = `${layer.bold ? "600 " : ""}${size}px ${look.family}`;
  ctx.textAlign = layer.align;
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  ctx.lineWidth = 4 * look.scale;
  ctx.strokeStyle = look.colour("paper");
  const placed = [];
  layer.texts.forEach((text, i) => {
    if (Number.isNaN(at[2 * i])) return;
    ctx.fillStyle = look.ink(layer.classes ? `class${i}` : layer.colour);
    const w = ctx.measureText(text).width + 2;
    const [before, after] = { left: [0, w], center: [w / 2, w / 2], right: [w, 0] }[layer.align];
    const x = Math.max(view.box.x + before, Math.min(view.box.x + view.box.w - after, view.x(at[2 * i])));
    const place = apart({ x, y: view.y(at[2 * i + 1]), w, h: 0.85 * size }, placed, view.area);
    placed.push(place);
    for (const write of ["strokeText", "fillText"]) ctx[write](text, place.x, place.y);
  });
}

/** A word that would lie on another one moves up or down, past it; the other way where it would leave the axes. */
function apart(word, others, area) {
  const hit = others.find((other) => overlap(word, other));
  if (!hit) return word;
  const way = word.y < hit.y ? -1 : 1;
  const [near, far] = [way, -way].map((w) => past(word, others, w));
  const within = ({ y, h }) => y - h / 2 >= area.y && y + h / 2 <= area.y + area.h;
  return within(near) || !within(far) ? near : far;
}

function past(word, others, way) {
  for (let k = 0; k < 12; k++) {
    const hit = others.find((other) => overlap(word, other));
    if (!hit) break;
    word = { ...word, y: hit.y + way * ((hit.h + word.h) / 2 + 0.5) };
  }
  return word;
}

const overlap = (a, b) => Math.abs(a.x - b.x) < (a.w + b.w) / 2 && Math.abs(a.y - b.y) < (a.h + b.h) / 2;

function diagram(ctx, layer, get, view, look) {
  const active = get("active").data;
  const unit = Math.abs(view.x(1) - view.x(0));
  layer.edges.forEach((edge, k) => drawEdge(ctx, layer, edge, active[layer.nodes.length + k], view, look));
  layer.nodes.forEach((node, k) => drawNode(ctx, node, active[k], view, look, unit));
}

function drawNode(ctx, node, lit, view, look, unit) {
  const [w, h] = node.size.map((s) => s * unit);
  const x = view.x(node.at[0]) - w / 2;
  const y = view.y(node.at[1]) - h / 2;
  ctx.beginPath();
  ctx.roundRect(x, y, w, h, node.round ? Math.min(w, h) / 2 : 0.12 * unit);
  ctx.fillStyle = look.colour("paper");
  ctx.fill();
  ctx.globalAlpha = clamp(lit);
  ctx.fillStyle = look.colour("active");
  ctx.fill();
  ctx.globalAlpha = 1;
  ctx.strokeStyle = lit > 0.5 ? look.colour("model") : look.colour("muted");
  ctx.lineWidth = (lit > 0.5 ? 3 : 1.5) * look.scale;
  ctx.stroke();
  ctx.fillStyle = look.colour("ink");
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  const lines = node.text.split("\n");
  const size = Math.min(view.font * 1.2, Math.max(view.font, Math.min((h * 0.8) / lines.length, (1.75 * w) / Math.max(...lines.map((l) => l.length)))));
  ctx.font = `${size}px ${look.family}`;
  lines.forEach((line, i) => ctx.fillText(line, x + w / 2, y + h / 2 + (i - (lines.length - 1) / 2) * size * 1.25, w * 0.94));
}

function drawEdge(ctx, layer, edge, lit, view, look) {
  const [from, to] = [layer.nodes[edge.start], layer.nodes[edge.end]];
  const middle = [(from.at[0] + to.at[0]) / 2, (from.at[1] + to.at[1]) / 2 + edge.bend];
  const [x0, y0] = border(from, edge.bend ? middle : to.at);
  const [x1, y1] = border(to, edge.bend ? middle : from.at);
  ctx.strokeStyle = lit > 0.5 ? look.colour("model") : look.colour("muted");
  ctx.lineWidth = (lit > 0.5 ? 3.5 : 1.5) * look.scale;
  const [sx, sy, ex, ey] = [view.x(x0), view.y(y0), view.x(x1), view.y(y1)];
  const [mx, my] = edge.bend ? middle.map((v, i) => (i ? view.y(v) : view.x(v))) : [(sx + ex) / 2, (sy + ey) / 2];
  ctx.beginPath();
  ctx.moveTo(sx, sy);
  ctx.quadraticCurveTo(mx, my, ex, ey);
  const angle = Math.atan2(ey - my, ex - mx);
  for (const turn of [-2.6, 2.6]) {
    ctx.moveTo(ex, ey);
    ctx.lineTo(ex + 10 * look.scale * Math.cos(angle + turn), ey + 10 * look.scale * Math.sin(angle + turn));
  }
  ctx.stroke();
  if (!edge.text) return;
  ctx.font = `${view.font}px ${look.family}`;
  const steep = Math.abs(ey - sy) > Math.abs(ex - sx); // beside an arrow that goes down, above one that goes across
  ctx.textAlign = steep ? "left" : "center";
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  ctx.lineWidth = 4 * look.scale;
  ctx.strokeStyle = look.colour("paper");
  ctx.fillStyle = look.colour("ink");
  const narrow = ctx.measureText(edge.text).width > Math.abs(ex - sx) - 4; // between its boxes: then above them
  const boxes = (Math.max(from.size[1], to.size[1]) / 2) * Math.abs(view.y(1) - view.y(0));
  const at = steep ? [mx + view.font * 0.6, my] : [mx, my - (narrow ? boxes + view.font * 0.6 : view.font * 0.85)];
  for (const write of ["strokeText", "fillText"]) ctx[write](edge.text, ...at);
}

/** Where the line from a node's centre towards a point leaves its box. */
function border(node, [tx, ty]) {
  const [x, y] = node.at;
  const [dx, dy] = [tx - x, ty - y];
  const reach = Math.min(node.size[0] / 2 / Math.abs(dx || 1e-9), node.size[1] / 2 / Math.abs(dy || 1e-9));
  return [x + dx * reach, y + dy * reach];
}

// --- what a layer says under the pointer --------------------------------------------------------------------

const answers = { points: hoverPoints, field: hoverField, bars: hoverBars, curve: hoverCurve, text: hoverText };

/** The text for the pointer at (px, py) in pixels, or null; the topmost layer that has something to say. */
export function hover(layers, view, px, py) {
  for (const { layer, get, look } of [...layers].reverse()) {
    const said = answers[layer.kind]?.(layer, get, view, px, py, look);
    if (said) return `${layer.name}: ${said}`;
  }
  return null;
}

function hoverPoints(layer, get, view, px, py) {
  const xy = get("xy").data;
  let best = REACH;
  let found = -1;
  for (let i = 0; i < visibleCount(get, xy.length / 2); i++) {
    const distance = Math.hypot(view.x(xy[2 * i]) - px, view.y(xy[2 * i + 1]) - py);
    if (distance < best) [best, found] = [distance, i];
  }
  if (found < 0) return null;
  const place = `(${view.text("x", xy[2 * found])}, ${view.text("y", xy[2 * found + 1])})`;
  const label = get("labels")?.data[found];
  return label === undefined ? place : `${place}, ${layer.names[label] ?? `class ${label + 1}`}`;
}

function hoverField(layer, get, view, px, py) {
  const { data, shape: [height, width] } = get("values");
  const [x0, x1, y0, y1] = layer.extent;
  const [x, y] = view.invert(px, py);
  const col = Math.floor(((x - x0) / (x1 - x0)) * width);
  const row = Math.floor(((y - y0) / (y1 - y0)) * height);
  if (layer.classes || col < 0 || row < 0 || col >= width || row >= height) return null;
  return `${number(data[row * width + col])} ${layer.unit}`;
}

function hoverBars(layer, get, view, px) {
  const height = get("height").data;
  const at = get("x")?.data;
  const [x] = view.invert(px, 0);
  const i = height.findIndex((_, k) => Math.abs((at ? at[k] : k) - x) <= layer.width / 2);
  return i < 0 ? null : `${barNames(layer, get)(i) ? barNames(layer, get)(i) + " " : ""}${number(height[i])}`;
}

function hoverCurve(layer, get, view, px, py, look) {
  const y = look.series("y");
  const x = look.series("x") ?? look.steps;
  let found = 0;
  for (let i = 1; i < y.length; i++) {
    if (Math.abs(view.x(x[i]) - px) < Math.abs(view.x(x[found]) - px)) found = i;
  }
  if (Math.abs(view.y(y[found]) - py) > 2 * REACH) return null;
  return `${number(y[found])} at ${view.text("x", x[found])}`;
}

function visibleCount(get, all) {
  const count = get("count");
  return count ? Math.min(all, count.data[0]) : all;
}

const clamp = (value) => Math.min(1, Math.max(0, value));
