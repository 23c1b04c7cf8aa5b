// What stands for what, written where it is: curves bear name and value at the cursor, other marks have a key in a
// corner with little in it.

import { number } from "./panel.js";

const LEADING = 1.3;

/** Names and values of the curves of a panel, without overlaps. */
export function nameCurves(ctx, layers, view, look) {
  const { area } = view;
  const size = view.font;
  const lines = layers.flatMap(({ layer, get, look: bound }) => {
    if (!layer.name) return [];
    if (layer.kind === "curve") return curveEnd(layer, get, view, bound);
    return layer.kind === "polylines" && !view.panel.equal ? lineEnd(layer, get, view) : [];
  });
  if (!lines.length) return;
  ctx.font = `600 ${size}px ${look.family}`;
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  ctx.lineWidth = 4 * look.scale;
  const leading = LEADING * size;
  lines.sort((a, b) => a.y - b.y);
  lines.forEach((line, k) => (line.y = Math.max(line.y, k ? lines[k - 1].y + leading : area.y + 0.7 * size)));
  const over = Math.max(0, lines.at(-1).y - (area.y + area.h - 0.7 * size));
  for (let k = lines.length - 1, room = area.y + area.h - 0.7 * size; over && k >= 0; k--, room -= leading) lines[k].y = Math.min(lines[k].y, room);
  for (const { text, x, y, colour } of lines) {
    const shown = fitting(ctx, text, area.w - size);
    const width = ctx.measureText(shown).width;
    const right = x + 0.7 * size + width <= area.x + area.w;
    const left = Math.max(area.x + 2, right ? x + 0.7 * size : Math.min(x - 0.7 * size, area.x + area.w - 2) - width);
    ctx.textAlign = "left";
    ctx.strokeStyle = look.colour("paper");
    ctx.strokeText(shown, left, y);
    ctx.fillStyle = look.ink(colour);
    ctx.fillText(shown, left, y);
  }
}

function curveEnd(layer, get, view, look) {
  const value = get("y").data[0];
  const x = view.x(get("x")?.data[0] ?? look.step);
  const y = view.y(value);
  if (!Number.isFinite(x) || !Number.isFinite(y)) return [];
  return [{ text: `${layer.name} ${number(value, 3)}`, x: Math.max(x, view.area.x), y: within(y, view.area), colour: layer.colour }];
}

/** A dashed truth and its like: named at its right end. */
function lineEnd(layer, get, view) {
  const { data, shape } = get("xy");
  if (layer.filled) return [];
  for (let i = shape[0] * shape[1] - 1; i >= 0; i--) {
    const [x, y] = [view.x(data[2 * i]), view.y(data[2 * i + 1])];
    if (Number.isFinite(x) && Number.isFinite(y)) return [{ text: layer.name, x: Math.min(x, view.area.x + view.area.w), y: within(y, view.area), colour: layer.colour }];
  }
  return [];
}

/** A key in the corner of a panel that has more than one kind of mark: of those that no panel before it has explained. */
export function drawKey(ctx, layers, view, look, explained) {
  const named = layers.filter(({ layer }) => layer.name.trim() && KINDS.has(layer.kind) && (view.panel.equal || layer.kind !== "polylines" || layer.filled));
  const shown = named.filter(({ layer }) => !explained.has(looks(layer)));
  if (named.length < 2 || !shown.length) return;
  const { area } = view;
  const size = view.font;
  const leading = LEADING * size;
  ctx.font = `${size}px ${look.family}`;
  const room = 0.62 * area.w - 2.6 * size;
  const names = shown.map(({ layer }) => fitting(ctx, layer.name, room));
  const width = Math.max(...names.map((name) => ctx.measureText(name).width)) + 2.3 * size;
  const height = names.length * leading + 0.5 * size;
  const corner = (view.corner ??= emptiest(layers, view, width, height));
  if (!corner || width * height > MOST * area.w * area.h) return; // words in all of them, or no room: the list of layers says it
  for (const { layer } of shown) explained.add(looks(layer));
  const [x, y] = corner;
  const [left, top] = [x ? area.x + area.w - width - 3 : area.x + 3, y ? area.y + area.h - height - 3 : area.y + 3];
  ctx.globalAlpha = 0.82;
  ctx.fillStyle = look.colour("paper");
  ctx.fillRect(left, top, width, height);
  ctx.globalAlpha = 1;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  shown.forEach(({ layer }, k) => {
    const middle = top + (k + 0.5) * leading + 0.25 * size;
    drawSwatch(ctx, layer, left + 0.3 * size, middle, 1.4 * size, look);
    ctx.fillStyle = look.colour("ink");
    ctx.fillText(names[k], left + 2 * size, middle);
  });
}

const MOST = 0.35; // of its panel that a key may cover
const KINDS = new Set(["points", "ellipses", "polylines", "arrows", "bars", "field"]);

/** What a key explains: a name, and how it is drawn; dots and bars of one name are two. */
const looks = (layer) => [layer.name, layer.kind, layer.classes, layer.colour].join();

function drawSwatch(ctx, layer, x, y, width, look) {
  ctx.save();
  const middle = x + width / 2;
  ctx.fillStyle = ctx.strokeStyle = look.colour(layer.classes ? "class0" : layer.colour);
  ctx.lineWidth = 2 * look.scale;
  if (layer.kind === "polylines" && layer.filled) {
    ctx.globalAlpha = 0.35;
    ctx.fillRect(x, y - width / 4, width, width / 2);
  } else if (layer.kind === "points") {
    const dot = look.dot(ctx.fillStyle, Math.min(width / 3, layer.radius * look.scale));
    ctx.drawImage(dot.canvas, middle - dot.half, y - dot.half, 2 * dot.half, 2 * dot.half);
  } else if (layer.kind === "field" || layer.kind === "bars") {
    if (layer.kind === "field" && !layer.classes) {
      const [low, high] = [look.table(layer.colour_map).subarray(0, 3), look.table(layer.colour_map).subarray(-3)];
      const shade = ctx.createLinearGradient(x, 0, x + width, 0);
      shade.addColorStop(0, `rgb(${low.join(",")})`);
      shade.addColorStop(1, `rgb(${high.join(",")})`);
      ctx.fillStyle = shade;
    }
    ctx.fillRect(x, y - width / 4, width, width / 2);
  } else {
    ctx.setLineDash(layer.dashed ? [width / 3, width / 4] : []);
    ctx.beginPath();
    if (layer.kind === "ellipses") ctx.ellipse(middle, y, width / 2, width / 4, 0, 0, 2 * Math.PI);
    else ctx.moveTo(x, y), ctx.lineTo(x + width, y);
    ctx.stroke();
  }
  ctx.restore();
}

const WORDS = 1e6; // a word in a corner counts as so many points

/** The corner (right?, bottom?) in which the fewest points lie. */
function emptiest(layers, view, width, height) {
  const { area } = view;
  const corners = [[1, 0], [0, 0], [1, 1], [0, 1]];
  const counts = corners.map(() => 0);
  for (const { layer, get } of layers) {
    const words = layer.kind === "labels";
    if (layer.kind !== "points" && !words) continue;
    const { data } = get(words ? "at" : "xy");
    const every = 2 * Math.max(1, Math.floor(data.length / 1000));
    for (let i = 0; i < data.length; i += every) {
      const [px, py] = [view.x(data[i]), view.y(data[i + 1])];
      corners.forEach(([right, bottom], k) => {
        const inX = right ? px > area.x + area.w - width : px < area.x + width;
        const inY = bottom ? py > area.y + area.h - height : py < area.y + height;
        if (inX && inY) counts[k] += words ? WORDS : 1;
      });
    }
  }
  const fewest = Math.min(...counts);
  return fewest < WORDS && corners[counts.indexOf(fewest)];
}

const within = (y, area) => Math.min(area.y + area.h, Math.max(area.y, y));

/** A text no wider than the room: its end gives way to an ellipsis. */
export function fitting(ctx, text, room) {
  if (ctx.measureText(text).width <= room) return text;
  let end = text.length - 1;
  while (end > 1 && ctx.measureText(`${text.slice(0, end)}…`).width > room) end--;
  return `${text.slice(0, end).trimEnd()}…`;
}
