// Where panels go: of rows, and of a lead with the others beside it, the arrangement in which what is asked for
// takes the most room. An equal-aspect panel takes a box of the shape of its ranges; a chart takes any.

import { isShort, widestTick } from "./panel.js";

/** Room around a panel's axes for title, ticks and labels, in pixels. */
export function margins(panel, font) {
  const ticks = panel.axes ? font * (LETTER * widestTick(panel) + 0.55) : 0;
  return {
    left: panel.axes ? ticks + font * (panel.y_label && !isShort(panel.y_label) ? 1.35 : 0.2) : font * 0.4,
    right: font * (panel.axes ? 0.8 : 0.3),
    top: font * (panel.title ? 1.6 : 0.8),
    bottom: font * (panel.axes ? 1.45 : 0.3),
  };
}

/** The smallest axes on which anything can be read, in letters: wide and high. */
const LEAST = { equal: [9, 5], chart: [10, 6.5] };
const FLATTEST = 3.2; // a chart is no wider than so many times its height
const LETTER = 0.52; // a letter is so wide, in its height
const FAIR = 0.85; // the pixels of a panel count to this power, so that all get some
const FULL = 0.55; // axes that fill so much of the room are large enough; else fewer panels are shown at a time
const TWINS = 0.8; // what panels that are to be compared are worth in unlike sizes

/** Width over height of what an equal-aspect panel was asked to show. */
export const shapeOf = (panel) => (panel.x[1] - panel.x[0]) / (panel.y[1] - panel.y[0]);

/**
 * Boxes {x, y, w, h}, one a panel; null for those that find no room and wait until they are asked for.
 * @param asked indices of panels that come before the others.
 */
export function arrange(panels, width, height, font, asked = []) {
  const all = panels.map((panel, index) => ({ panel, index, asked: asked.includes(index), least: leastOf(panel, font), ...margins(panel, font) }));
  let chosen = null;
  for (let count = all.length; count > 0 && !(chosen?.fill > FULL); count--) {
    const best = bestOf(candidates(kept(all, count), width, height), count === 1 && !chosen);
    const fill = best ? best.boxes.reduce((sum, box) => sum + axesOf(box).reduce((w, h) => w * h), 0) / (width * height) : 0;
    if (best && fill > 1.08 * (chosen?.fill ?? 0)) chosen = { ...best, fill };
  }
  return panels.map((_, index) => chosen?.boxes.find((box) => box.index === index) ?? null);
}

/** The panels with the largest shares, in their own order. */
function kept(all, count) {
  const byShare = [...all].sort((a, b) => b.asked - a.asked || b.panel.share - a.panel.share || a.index - b.index).slice(0, count);
  return byShare.sort((a, b) => a.index - b.index);
}

function bestOf(found, anyhow) {
  let best = null;
  for (const boxes of found) {
    const worth = worthOf(boxes, anyhow);
    if (worth > (best?.worth ?? -Infinity)) best = { worth, boxes };
  }
  return best;
}

/** Pixels of the axes, those of the larger shares counting more; −∞ where one is too small to be read. */
function worthOf(boxes, anyhow) {
  let worth = 0;
  for (const box of boxes) {
    const [w, h] = axesOf(box);
    const [leastW, leastH] = box.least;
    if (!anyhow && (w < leastW || h < leastH)) return -Infinity;
    worth += box.panel.share * (w * h) ** FAIR;
  }
  return unlike(boxes) ? TWINS * worth : worth;
}

/** Whether two panels of one share and one shape have axes of different sizes. */
function unlike(boxes) {
  const alike = (a, b) => a.panel.equal && b.panel.equal && a.panel.share === b.panel.share && Math.abs(shapeOf(a.panel) / shapeOf(b.panel) - 1) < 0.05;
  return boxes.some((a, k) => boxes.slice(k + 1).some((b) => alike(a, b) && Math.abs(axesOf(a)[0] / axesOf(b)[0] - 1) > 0.05));
}

/** The smallest axes of a panel in pixels: a diagram is drawn around its words. */
function leastOf(panel, font) {
  const diagram = panel.layers.find((layer) => layer.kind === "diagram");
  if (!diagram && panel.equal) return LEAST.equal.map((letters) => letters * font);
  const lines = panel.layers.filter((layer) => layer.name && (layer.kind === "curve" || (layer.kind === "polylines" && !layer.filled))).length;
  if (!diagram) return [LEAST.chart[0] * font, Math.max(LEAST.chart[1], 1.32 * lines + 0.6) * font]; // a line for each name
  const unit = font * Math.max(...diagram.nodes.map((node) => {
    const lines = node.text.split("\n");
    return Math.max((LETTER * Math.max(...lines.map((l) => l.length)) + 0.3) / node.size[0], (1.15 * lines.length + 0.1) / node.size[1]);
  }));
  return [unit * (panel.x[1] - panel.x[0]), unit * (panel.y[1] - panel.y[0])];
}

/** Width and height of the axes in a box: for an equal-aspect panel of the asked-for ranges alone. */
export function axesOf({ panel, left, right, top, bottom, w, h }) {
  const [wide, high] = [w - left - right, h - top - bottom];
  if (!panel.equal) return [Math.min(wide, FLATTEST * high), high];
  const shape = shapeOf(panel);
  const side = Math.min(wide / shape, high);
  return [side * shape, side];
}

function* candidates(shown, width, height) {
  const room = { x: 0, y: 0, w: width, h: height };
  for (const split of compositions(shown)) yield* rowsOf(split, room);
  const [lead, ...others] = shown; // left and right mean something: the order stays
  if (!others.length) return;
  for (const w of leadWidths(lead, width, height)) {
    const box = { ...lead, x: 0, y: 0, w, h: height };
    for (const split of compositions(others)) for (const beside of rowsOf(split, { x: w, y: 0, w: width - w, h: height })) yield [box, ...beside];
  }
}

/** What a lead may be wide: all that its shape needs, or a part of the room. */
function leadWidths(lead, width, height) {
  const parts = [0.35, 0.42, 0.5, 0.58, 0.66].map((part) => part * width);
  if (!lead.panel.equal) return parts;
  const whole = (height - lead.top - lead.bottom) * shapeOf(lead.panel) + lead.left + lead.right;
  return [...parts.filter((w) => w < whole), ...(whole < 0.8 * width ? [whole] : [])];
}

/** All ways to cut a list into consecutive rows. */
function compositions(list) {
  const all = [];
  for (let cuts = 0; cuts < 1 << (list.length - 1); cuts++) {
    const split = [[list[0]]];
    for (let k = 1; k < list.length; k++) (cuts >> (k - 1)) & 1 ? split.push([list[k]]) : split.at(-1).push(list[k]);
    all.push(split);
  }
  return all;
}

/** Rows one above the other: alike in height, or the first of them higher, or as high as their shapes can use. */
function* rowsOf(split, room) {
  yield inRows(split, room);
  if (split.length < 2) return;
  for (const first of [0.55, 0.65, 0.72]) {
    yield inRows(split, room, [first, ...split.slice(1).map(() => (1 - first) / (split.length - 1))]);
    yield inRows(split, room, [...split.slice(1).map(() => (1 - first) / (split.length - 1)), first]);
  }
}

function inRows(split, room, parts = split.map(() => 1 / split.length)) {
  let y = room.y;
  return split.flatMap((row, k) => {
    const h = room.h * parts[k];
    const boxes = inRow(row, { ...room, y, h });
    y += h;
    return boxes;
  });
}

/** Side by side: shapes first, each as wide as the height lets it; charts share what is left. */
function inRow(row, { x, y, w, h }) {
  const charts = row.filter((p) => !p.panel.equal);
  const shapes = row.filter((p) => p.panel.equal);
  const share = charts.reduce((sum, p) => sum + p.panel.share, 0);
  const all = share + shapes.reduce((sum, p) => sum + p.panel.share, 0);
  const whole = (p, high) => Math.max(0, high - p.top - p.bottom) * shapeOf(p.panel) + p.left + p.right;
  const room = charts.length ? w * (1 - Math.min(0.6, (0.8 * share) / all)) : w; // charts are never squeezed out
  let high = h;
  for (let k = 0; k < 80 && shapes.reduce((sum, p) => sum + whole(p, high), 0) > room; k++) high *= 0.94;
  const taken = shapes.reduce((sum, p) => sum + whole(p, high), 0);
  const spare = charts.length ? 0 : (w - taken) / (row.length + 1);
  let at = x + spare;
  return row.map((p) => {
    const wide = p.panel.equal ? whole(p, high) : ((w - taken) * p.panel.share) / share;
    const box = { ...p, x: at, y: p.panel.equal ? y + (h - high) / 2 : y, w: wide, h: p.panel.equal ? high : h };
    at += wide + spare;
    return box;
  });
}
