// Colours and sizes for one screen, and small canvases that are drawn once and used often.

export class Look {
  /** @param palette roles and colour maps for a mode; @param scale 1, or 2 for a projector. */
  constructor(palette, scale, family, density) {
    Object.assign(this, { palette, scale, family, density });
    this.dots = new Map();
    this.sheets = new WeakMap();
    this.tables = new Map();
    this.mixes = new Map();
    this.inked = new Map();
  }

  colour(role) {
    if (role in this.palette.roles) return this.palette.roles[role];
    const index = /^class(\d+)$/.exec(role);
    return index ? this.palette.roles[`class${Number(index[1]) % 10}`] : this.palette.roles.data;
  }

  /** A role's colour for words: as much nearer to ink as it takes to be read on paper. */
  ink(role) {
    if (!this.inked.has(role)) {
      const [from, to, paper] = [this.rgb(role), this.rgb("ink"), luminance(this.rgb("paper"))];
      let mixed = from;
      for (let share = 0; share <= 1 && contrast(luminance(mixed), paper) < READABLE; share += 0.05) mixed = from.map((v, k) => Math.round(v + share * (to[k] - v)));
      this.inked.set(role, `rgb(${mixed.join(",")})`);
    }
    return this.inked.get(role);
  }

  /** A role's colour as three numbers. */
  rgb(role) {
    return rgb(this.colour(role));
  }

  /** 256 RGB entries of a named colour map. */
  table(name) {
    if (!this.tables.has(name)) {
      const stops = this.palette.maps[name].map(rgb);
      const table = new Uint8ClampedArray(768);
      for (let i = 0; i < 256; i++) {
        const at = (i / 255) * (stops.length - 1);
        const low = Math.min(Math.floor(at), stops.length - 2);
        for (let c = 0; c < 3; c++) table[3 * i + c] = stops[low][c] + (at - low) * (stops[low + 1][c] - stops[low][c]);
      }
      this.tables.set(name, table);
    }
    return this.tables.get(name);
  }

  /** 256 colours from paper to ink, as an ImageData's buffer holds them (little-endian, as all browsers' machines are). */
  inks() {
    if (!this.table256) {
      const [paper, ink] = [this.rgb("paper"), this.rgb("ink")];
      const mix = (i, c) => Math.round(paper[c] + (i / 255) * (ink[c] - paper[c]));
      this.table256 = Uint32Array.from({ length: 256 }, (_, i) => (255 << 24) | (mix(i, 2) << 16) | (mix(i, 1) << 8) | mix(i, 0));
    }
    return this.table256;
  }

  mapped(name, value) {
    const table = this.table(name);
    const i = 3 * Math.round(63 * Math.min(1, Math.max(0, value))) * 4; // 64 steps are plenty, and few dots
    return `rgb(${table[i]},${table[i + 1]},${table[i + 2]})`;
  }

  /** What stands for a layer on its switch: its colour, or its colour map. */
  swatch(layer) {
    const stops = this.palette.maps[layer.colour_map];
    if (layer.kind === "field") return `linear-gradient(90deg, ${stops.join(",")})`;
    return layer.mapped ? `conic-gradient(${stops.join(",")})` : this.colour(layer.colour);
  }

  /** Mixture of class colours with weights data[i*k … i*k+k-1], in steps of 1/16 so that dots can be reused. */
  mixed(data, i, k) {
    const mix = [0, 0, 0];
    for (let c = 0; c < k; c++) {
      const part = rgb(this.colour(`class${c}`));
      for (let j = 0; j < 3; j++) mix[j] += data[i * k + c] * part[j];
    }
    return `rgb(${mix.map((v) => Math.min(255, Math.round(v / 16) * 16)).join(",")})`;
  }

  /** A dot with a thin rim of the paper's colour, so that neighbours stay apart. */
  dot(colour, radius) {
    const name = `${colour}/${radius}`;
    if (!this.dots.has(name)) {
      if (this.dots.size > 4000) this.dots.clear();
      const half = radius + 1.5;
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = Math.ceil(2 * half * this.density);
      const ctx = canvas.getContext("2d");
      ctx.scale(this.density, this.density);
      ctx.beginPath();
      ctx.arc(half, half, radius, 0, 2 * Math.PI);
      ctx.fillStyle = colour;
      ctx.fill();
      ctx.lineWidth = 0.8;
      ctx.strokeStyle = this.palette.roles.paper;
      ctx.stroke();
      this.dots.set(name, { canvas, half: canvas.width / this.density / 2 });
    }
    return this.dots.get(name);
  }

  /** A canvas of width × height cells that belongs to a layer, with its pixel buffer. */
  sheet(layer, width, height) {
    let sheet = this.sheets.get(layer);
    if (!sheet || sheet.canvas.width !== width || sheet.canvas.height !== height) {
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width, height });
      const ctx = canvas.getContext("2d");
      sheet = { canvas, ctx, image: ctx.createImageData(width, height) };
      this.sheets.set(layer, sheet);
    }
    return sheet;
  }

  /** Bind the look to one layer at one frame: adds what a painter may ask about other frames. */
  at(recording, address, index, step) {
    const bound = Object.create(this);
    bound.index = index;
    bound.step = step;
    bound.steps = recording.steps;
    bound.series = (channel) => {
      const name = `${address}.${channel}`;
      return recording.frames[index]?.has(name) ? recording.series(name) : undefined;
    };
    bound.past = (count, channel) => {
      const from = Math.max(0, index - count);
      return Array.from({ length: index - from + 1 }, (_, k) => recording.channel(`${address}.${channel}`, from + k));
    };
    return bound;
  }
}

const READABLE = 4.6; // contrast of words, to 1

/** Relative luminance of three numbers from 0 to 255 (WCAG 2.1). */
function luminance(parts) {
  const [r, g, b] = parts.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);

function rgb(hex) {
  if (hex.startsWith("rgb")) return hex.match(/[\d.]+/g).slice(0, 3).map(Number);
  const value = parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
