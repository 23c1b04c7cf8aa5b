// A text that fills its panel: letters of one width, broken into lines, as large as there is room for.

import { number } from "./panel.js";

const MONO = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace';
const [WIDE, LEADING] = [0.61, 1.4]; // of a letter's size
const LARGEST = 1.9; // of the panel's font

export function text(ctx, layer, get, view, look) {
  const values = get("values")?.data;
  const { size, places, codes } = layOut(layer, get, view);
  const [w, h] = [WIDE * size, LEADING * size];
  ctx.font = `${size}px ${MONO}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  const [low, high] = layer.limits;
  if (values) {
    ctx.globalAlpha = 0.45; // the letters have to be read on it
    places.forEach(({ i, x, y }) => {
      if (Number.isNaN(values[i])) return;
      ctx.fillStyle = look.mapped(layer.colour_map, (values[i] - low) / (high - low));
      ctx.fillRect(x, y, w + 0.5, h);
    });
    ctx.globalAlpha = 1;
  }
  places.forEach(({ i, x, y, dots }) => {
    ctx.fillStyle = i >= layer.marked && layer.marked ? look.ink(layer.colour) : look.colour("ink");
    ctx.fillText(dots ?? layer.alphabet[codes[i]], x + w / 2, y + h / 2);
  });
}

/** Where each letter stands; of a text that is too long even in the smallest letters, its end, after "…". */
function layOut(layer, get, view) {
  const codes = get("codes").data;
  const area = view.panel.axes ? view.area : view.box;
  const top = view.panel.axes ? area.y : view.area.y;
  const room = area.y + area.h - top;
  for (let size = LARGEST * view.font; ; size = Math.max(view.font, size * 0.93)) {
    const columns = Math.max(1, Math.floor(area.w / (WIDE * size)));
    const lines = broken(codes, layer.alphabet, columns);
    const most = Math.max(1, Math.floor(room / (LEADING * size)));
    if (lines.length > most && size > view.font) continue;
    const cut = Math.max(0, lines.length - most);
    const places = lines.slice(cut).flatMap((line, row) => line.map((i, column) => ({
      i, x: area.x + column * WIDE * size, y: top + row * LEADING * size, dots: cut && !row && !column ? "…" : undefined,
    })));
    return { size, places, codes };
  }
}

/** Indices of the letters, line by line; a line ends at a break, or at the last space before there is no more room. */
export function broken(codes, alphabet, columns) {
  const lines = [];
  let line = [];
  for (let i = 0; i < codes.length; i++) {
    if (codes[i] < 0) continue;
    if (alphabet[codes[i]] === "\n") {
      lines.push(line);
      line = [];
      continue;
    }
    if (line.length === columns) {
      const space = line.findLastIndex((k) => alphabet[codes[k]] === " ");
      const rest = space < 0 || alphabet[codes[i]] === " " ? [] : line.slice(space + 1);
      lines.push(rest.length ? line.slice(0, space + 1) : line);
      line = rest;
      if (alphabet[codes[i]] === " ") continue; // no line begins with the space that ended the one before
    }
    line.push(i);
  }
  lines.push(line);
  return lines;
}

export function hoverText(layer, get, view, px, py) {
  const { size, places, codes } = layOut(layer, get, view);
  const here = places.find(({ x, y }) => px >= x && px < x + WIDE * size && py >= y && py < y + LEADING * size);
  const value = here && get("values")?.data[here.i];
  if (!here || value === undefined || Number.isNaN(value)) return null;
  return `“${layer.alphabet[codes[here.i]]}” ${number(value)} ${layer.unit}`.trim();
}
