// What the Player knows of a run: layout, still channels, and frames under their permanent ids.

export class Recording {
  constructor() {
    this.layout = null;
    this.still = new Map(); // "panel.layer.channel" -> {data, shape}
    this.steps = []; // ids, increasing
    this.frames = []; // beside them: Map of channel -> {data, shape}
    this.status = "loading";
    this.reason = "";
    this.keep = 1;
    this.more = true;
    this.revision = 0; // grows with every change, so that what was derived can be kept
  }

  get length() {
    return this.steps.length;
  }

  get lastStep() {
    return this.length ? this.steps[this.length - 1] : null;
  }

  /** Take in one blob, as read; throws where it lacks something, and then nothing has changed. */
  take({ arrays, message }) {
    const steps = arrays.get("steps");
    if (!steps || !message.status) throw new Error("the recording lacks its frames");
    if (!this.layout && !message.layout) throw new Error("the recording lacks its layout");
    if (message.layout) {
      this.layout = message.layout;
      this.steps = [];
      this.frames = [];
      this.still = new Map();
    }
    for (const [name, array] of arrays) {
      if (name.startsWith("=")) this.still.set(name.slice(1), array);
    }
    const moving = [...arrays].filter(([name]) => name !== "steps" && !name.startsWith("="));
    for (let k = 0; k < steps.data.length; k++) {
      if (this.length && steps.data[k] <= this.lastStep) continue;
      this.steps.push(steps.data[k]);
      this.frames.push(new Map(moving.map(([name, array]) => [name, nth(array, k)])));
    }
    Object.assign(this, { status: message.status, reason: message.reason ?? "", more: !!message.more });
    Object.assign(this, { live: !!message.live, training: !!message.playing, place: message.place ?? 0, moves: message.moves, slow: !!message.slow });
    this.thin(message.keep ?? 1);
    this.revision++;
    return this;
  }

  /** Keep ids divisible by `keep`, plus the first and the last, as the server does. */
  thin(keep) {
    if (keep === 1) return;
    this.keep = keep;
    const stays = this.steps.map((s, i) => s % keep === 0 || i === 0 || i === this.length - 1);
    if (stays.every(Boolean)) return;
    this.frames = this.frames.filter((_, i) => stays[i]);
    this.steps = this.steps.filter((_, i) => stays[i]);
  }

  /** Whether frames may still come. */
  get growing() {
    return ["running", "queued", "paused"].includes(this.status);
  }

  /** Index of the frame with this id, or of the last one before it. */
  indexOf(step) {
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.steps[middle] <= step) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** One channel at a frame: {data, shape}, or undefined where the layer has none. */
  channel(address, index) {
    return this.still.get(address) ?? this.frames[index]?.get(address);
  }

  /** One number a frame over all frames, for curves: kept until a frame is added or dropped. */
  series(address) {
    this.cache ??= new Map();
    const kept = this.cache.get(address);
    if (kept?.revision === this.revision) return kept.values;
    const values = Float64Array.from(this.frames, (f) => f.get(address)?.data[0] ?? NaN);
    this.cache.set(address, { revision: this.revision, values });
    return values;
  }
}

function nth({ data, shape }, k) {
  const inner = shape.slice(1);
  const size = inner.reduce((a, b) => a * b, 1);
  return { data: data.subarray(k * size, (k + 1) * size), shape: inner };
}
