// What the hand can take hold of: handles and the probe (real buttons that lie over the picture, so that keyboard
// and screen reader have them too), and the brush. While something is dragged the run is asked for the picture at
// the new place, one question in flight, the latest wins; on release the page hears of it.

const ERASE = 20; // pixels
const SPACING = 13; // pixels between points of one stroke
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const PATIENCE = 350; // milliseconds after the last arrow key until the page hears of it

export class Drag {
  /** @param player gives views, recording, index, draw(), ask(values, step), released(values) */
  constructor(player, stage, tools) {
    Object.assign(this, { player, stage, tools });
    this.answer = null; // {arrays, step, captions}: the picture asked for, drawn in place of the frame
    this.sent = 0;
    this.flying = false;
    this.waiting = null;
    this.tool = "paint";
    this.colourClass = 0;
    const canvas = stage.querySelector("canvas");
    canvas.addEventListener("pointerdown", (event) => this.down(event, canvas));
    canvas.addEventListener("pointermove", (event) => this.stroke && this.paintAt(event));
    for (const type of ["pointerup", "pointercancel"]) canvas.addEventListener(type, () => this.endStroke());
  }

  get layout() {
    return this.player.recording.layout;
  }

  /** A new recording is shown: make its handles and tools; what was asked of the old one no longer counts. */
  show() {
    const held = this.stage.getRootNode().activeElement?.dataset.handle;
    this.forget();
    for (const old of this.stage.querySelectorAll(".handle")) if (!this.layout.handles.some((h) => h.name === old.dataset.handle)) old.remove();
    for (const handle of this.layout.handles) this.button(handle);
    if (held) this.buttonOf(held)?.focus({ preventScroll: true });
    const painted = this.layout.brush?.points.map((p) => [...p]) ?? [];
    // between two quick strokes comes the answer to the first: what was painted since stays
    if (!this.layout.brush || this.told === undefined || this.told === painted.length) Object.assign(this, { painted, told: undefined });
    this.buildTools();
    this.buildPen();
    this.stage.querySelector("canvas").style.touchAction = this.layout.brush ? "none" : "pan-y";
  }

  /** The picture asked for gives way to the recording's own frames. */
  forget() {
    this.answer = null;
    this.local = {};
    this.waiting = null;
    this.flying = false;
    this.sent++;
  }

  // --- questions --------------------------------------------------------------------------------------------

  ask(values) {
    this.waiting = values;
    if (!this.flying) this.send();
  }

  send() {
    const values = (this.latest = this.waiting);
    this.waiting = null;
    this.flying = true;
    this.asked = performance.now();
    this.player.ask(values, ++this.sent);
  }

  /** The answer to question n: drawn at once, unless something else has been shown since. */
  hear(n, arrays, { step, captions }) {
    if (n !== this.sent) return;
    this.flying = false;
    this.answer = { arrays, step, captions };
    if (!this.drag && !this.waiting) this.local = {}; // released: it lies where the run says, not where it was pulled to
    this.player.answered(performance.now() - this.asked);
    if (this.waiting) this.send();
  }

  refused(n, why) {
    if (n !== this.sent) return;
    this.flying = false;
    if (this.drag || this.stroke) this.complain(why); // once it is released, the page says so
    if (this.waiting) this.send();
  }

  complain(why) {
    this.complained = Boolean(why);
    this.player.say(why);
  }

  /** The connection is there again: what was in flight got lost with the old one. */
  resume() {
    if (!this.flying) return;
    this.waiting ??= this.latest;
    this.send();
  }

  // --- handles ----------------------------------------------------------------------------------------------

  buttonOf(name) {
    return [...this.stage.querySelectorAll(".handle")].find((b) => b.dataset.handle === name);
  }

  button(handle) {
    let button = this.buttonOf(handle.name);
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.dataset.handle = handle.name;
      button.innerHTML = "<i></i>";
      button.addEventListener("pointerdown", (event) => this.take(event, button));
      button.addEventListener("pointermove", (event) => this.drag && this.move(event));
      for (const type of ["pointerup", "pointercancel"]) button.addEventListener(type, () => this.release());
      button.addEventListener("keydown", (event) => this.nudge(event, button.dataset.handle));
      button.addEventListener("blur", () => this.release());
      this.stage.append(button);
    }
    button.className = `handle${handle.probe ? " probe" : ""}`;
    button.style.setProperty("--swatch", this.player.look?.colour(handle.colour) ?? "");
  }

  /** Where a handle is now, in data units. */
  at(name) {
    const local = this.local?.[name];
    return local ?? [...(this.answer?.arrays.get(`handle.${name}`) ?? this.player.recording.channel(`handle.${name}`, this.player.index)).data];
  }

  places() {
    return Object.fromEntries(this.layout.handles.map(({ name }) => [name, this.at(name)]));
  }

  /** Put the buttons where their handles are, and the brush where the keyboard has moved it. */
  place() {
    this.placePen();
    for (const handle of this.layout.handles) {
      const button = this.buttonOf(handle.name);
      const view = this.player.views[handle.panel];
      button.hidden = !view; // its panel waits
      if (!view) continue;
      const [x, y] = this.at(handle.name);
      button.style.transform = `translate(${view.x(x)}px, ${view.y(y)}px) translate(-50%, -50%)`;
      button.style.setProperty("--swatch", this.player.look.colour(handle.colour));
      const said = `${handle.probe ? "Probe" : `Handle ${handle.name}`} at ${view.text("x", x, 2)}, ${view.text("y", y, 2)}; arrow keys move it`;
      if (button.ariaLabel !== said) button.ariaLabel = said;
    }
  }

  take(event, button) {
    const name = button.dataset.handle;
    const [x, y] = this.pixels(name);
    const [px, py] = this.pointer(event);
    button.focus({ preventScroll: true }); // first: the handle that had the focus is released by it
    this.begin(name, [x - px, y - py]);
    button.setPointerCapture(event.pointerId);
    event.preventDefault();
    event.stopPropagation();
  }

  begin(name, grip) {
    this.player.setPlaying(false);
    this.drag = { name, grip, before: this.places(), changed: false };
  }

  move(event) {
    const { name, grip } = this.drag;
    const [px, py] = this.pointer(event);
    const view = this.viewOf(name);
    this.put(name, view.invert(px + grip[0], py + grip[1]));
  }

  /** Move a handle to a place in data units, as far as it may go, and ask what the picture is there. */
  put(name, [x, y]) {
    const handle = this.layout.handles.find((h) => h.name === name);
    const view = this.viewOf(name);
    const [x0, y0] = this.at(name);
    const snap = (v) => (handle.snap ? Math.round(v / handle.snap) * handle.snap : v);
    const place = [
      handle.free === "y" ? x0 : within(snap(x), view.panel.x),
      handle.free === "x" ? y0 : within(snap(y), view.panel.y),
    ];
    this.local = { [name]: place };
    this.drag.changed = true;
    this.player.draw();
    this.ask(this.values());
  }

  values() {
    return { handles: this.places(), before: this.drag.before, moved: this.drag.name };
  }

  release() {
    clearTimeout(this.patience);
    if (!this.drag) return;
    const { changed } = this.drag;
    const values = this.values();
    this.drag = null;
    if (!this.flying) this.local = {};
    if (this.complained) this.complain("");
    if (changed) this.player.released(values);
  }

  nudge(event, name) {
    const by = ARROWS[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    if (this.drag?.name !== name) this.begin(name, [0, 0]);
    clearTimeout(this.patience);
    const handle = this.layout.handles.find((h) => h.name === name);
    const { panel } = this.viewOf(name);
    const step = ([low, high]) => handle.snap || ((high - low) / 100) * (event.shiftKey ? 5 : 1);
    const [x, y] = this.at(name);
    this.put(name, [x + by[0] * step(panel.x), y + by[1] * step(panel.y)]);
    this.patience = setTimeout(() => this.release(), PATIENCE);
  }

  viewOf(name) {
    return this.player.views[this.layout.handles.find((h) => h.name === name).panel];
  }

  pixels(name) {
    const view = this.viewOf(name);
    const [x, y] = this.at(name);
    return [view.x(x), view.y(y)];
  }

  pointer(event) {
    const box = this.stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  // --- clicks, and the brush --------------------------------------------------------------------------------

  /** A press on the picture itself: it paints, or calls the probe (which, where one paints, is taken by itself). */
  down(event, canvas) {
    if (!this.layout || event.button > 0) return;
    const [px, py] = this.pointer(event);
    const panel = this.player.views.findIndex((view) => view?.contains(px, py));
    const probe = this.layout.handles.find((h) => h.probe && h.panel === panel);
    if (this.layout.brush?.panel === panel) {
      this.player.setPlaying(false);
      this.stroke = { last: null, from: this.painted.length };
      canvas.setPointerCapture(event.pointerId);
      this.paintAt(event);
    } else if (probe) {
      const button = this.buttonOf(probe.name);
      button.focus({ preventScroll: true });
      this.begin(probe.name, [0, 0]);
      this.put(probe.name, this.player.views[panel].invert(px, py));
      button.setPointerCapture(event.pointerId);
      event.preventDefault();
    }
  }

  paintAt(event) {
    for (const e of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) this.dab(...this.pointer(e));
    this.player.draw();
    this.ask({ painted: this.painted });
  }

  dab(px, py) {
    const view = this.player.views[this.layout.brush.panel];
    if (!view.contains(px, py)) return;
    if (this.tool === "erase") {
      const reach = Math.max(ERASE, this.radius(view));
      this.painted = this.painted.filter(([x, y]) => Math.hypot(view.x(x) - px, view.y(y) - py) > reach);
      return;
    }
    const { last } = this.stroke;
    if (last && Math.hypot(last[0] - px, last[1] - py) < SPACING) return;
    if (this.painted.length >= this.layout.brush.most) return this.player.say(`There is room for ${this.layout.brush.most} points; erase some first.`);
    this.stroke.last = [px, py];
    this.painted.push([...view.invert(px, py), this.colourClass]);
  }

  /** How far a point reaches, pixels; 0 for a dot. */
  radius(view) {
    return Math.abs(view.x(this.layout.brush.radius) - view.x(0));
  }

  // The brush under the keyboard: a button that lies over the picture, seen while it has the focus.

  buildPen() {
    const { brush, panels } = this.layout;
    if (!brush) return this.pen?.button.remove();
    if (!this.pen) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", className: "pen" });
      button.addEventListener("keydown", (event) => this.write(event));
      this.pen = { button };
    }
    const { x, y } = panels[brush.panel];
    this.pen.at ??= [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2];
    if (!this.pen.button.isConnected) this.stage.append(this.pen.button);
  }

  write(event) {
    const by = ARROWS[event.key];
    const view = this.player.views[this.layout.brush.panel];
    if (!by && !["Enter", " ", "Delete", "Backspace"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const [x, y] = this.pen.at;
    const step = ([low, high]) => ((high - low) / 40) * (event.shiftKey ? 4 : 1);
    if (by) {
      this.pen.at = [within(x + by[0] * step(view.panel.x), view.panel.x), within(y + by[1] * step(view.panel.y), view.panel.y)];
      return this.player.draw();
    }
    const { tool } = this;
    if (event.key.length > 5) this.tool = "erase";
    this.stroke = { last: null, from: this.painted.length };
    this.dab(view.x(x), view.y(y));
    this.tool = tool;
    this.player.draw();
    this.ask({ painted: this.painted });
    this.endStroke();
  }

  placePen() {
    const { brush } = this.layout;
    if (!brush || !this.pen) return;
    const view = this.player.views[brush.panel];
    this.pen.button.hidden = !view; // its panel waits
    if (!view) return;
    const [x, y] = this.pen.at;
    this.pen.button.style.transform = `translate(${view.x(x)}px, ${view.y(y)}px) translate(-50%, -50%)`;
    const said = `Brush at ${view.text("x", x, 2)}, ${view.text("y", y, 2)}; arrow keys move it, Enter paints, Delete erases`;
    if (this.pen.button.ariaLabel !== said) this.pen.button.ariaLabel = said;
  }

  endStroke() {
    if (!this.stroke) return;
    this.stroke = null;
    if (this.complained) this.complain("");
    this.told = this.painted.length;
    this.player.released({ painted: this.painted });
  }

  clear() {
    this.painted = [];
    this.told = 0;
    this.player.released({ painted: [] });
  }

  /** The points of the stroke that is being painted; the recording's own layers follow a moment later. */
  drawStroke(ctx, look) {
    if (!this.stroke) return;
    const view = this.player.views[this.layout.brush.panel];
    if (this.layout.brush.radius) return this.drawReach(ctx, look, view);
    for (const [x, y, c] of this.painted) {
      const dot = look.dot(look.colour(this.layout.brush.classes > 1 ? `class${c}` : "data"), 4 * look.scale);
      ctx.drawImage(dot.canvas, view.x(x) - dot.half, view.y(y) - dot.half, 2 * dot.half, 2 * dot.half);
    }
  }

  /** All that this stroke's points reach, as one shape; what was painted before it is in the picture. */
  drawReach(ctx, look, view) {
    const radius = this.radius(view);
    ctx.save();
    ctx.globalAlpha = 0.4;
    ctx.fillStyle = look.colour("data");
    ctx.beginPath();
    for (const [x, y] of this.painted.slice(this.stroke.from)) {
      ctx.moveTo(view.x(x) + radius, view.y(y));
      ctx.arc(view.x(x), view.y(y), radius, 0, 2 * Math.PI);
    }
    ctx.fill();
    ctx.restore();
  }

  buildTools() {
    const { brush } = this.layout;
    this.tools.hidden = !brush;
    if (!brush) return;
    this.colourClass = Math.min(this.colourClass, brush.classes - 1);
    const choose = (tool, c = this.colourClass) => {
      this.tool = tool;
      this.colourClass = c;
      this.buildTools();
    };
    const paints = brush.classes > 1
      ? Array.from({ length: brush.classes }, (_, c) => [`Paint class ${c + 1}`, () => choose("paint", c), this.tool === "paint" && this.colourClass === c])
      : [["Paint", () => choose("paint"), this.tool === "paint"]];
    const all = [...paints, ["Erase", () => choose("erase"), this.tool === "erase"], ["Clear", () => this.clear(), null]];
    const focused = this.tools.getRootNode().activeElement?.textContent;
    this.tools.replaceChildren(...all.map(([text, action, pressed]) => toolButton(text, action, pressed)));
    [...this.tools.children].find((b) => b.textContent === focused)?.focus({ preventScroll: true });
  }
}

function toolButton(text, action, pressed) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.onclick = action;
  if (pressed !== null) button.setAttribute("aria-pressed", String(pressed));
  return button;
}

const within = (value, [low, high]) => Math.min(high, Math.max(low, value));
