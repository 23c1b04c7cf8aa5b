// Pinned frames: the lead panel once for each of them and last for the frame that plays, side by side. What is pinned
// stands still, so it is drawn with the axes, once.

import { axesOf, margins } from "./arrange.js";
import { View } from "./panel.js";
import { make } from "./words.js";

const MOST = 2; // pinned; with the one that plays, three
const HIGHER = 1.3; // how much larger axes must be one above the other, to stand so
const ROOM = 28; // pixels of a button that takes a pin away

export class Pins {
  /** @param player gives recording, index, ui {stage, pin}, drawPanel(), redraw() */
  constructor(player) {
    this.player = player;
    this.steps = []; // ids, increasing
    this.heard = this.wanted = ""; // what the link said last, and what it is to say
    this.told = []; // what the page was told and has not said yet
    this.lead = null; // the panel that is shown, once it was turned to
    this.shown = []; // {index, view}: the pinned frames as drawn
    this.explained = new Set();
    player.ui.pin.onclick = () => this.toggle();
  }

  get on() {
    return this.steps.length > 0;
  }

  /** What a link says, such as "1,100"; said again, or told by us a moment ago, it changes nothing. */
  want(text) {
    if (text === this.heard) return;
    this.heard = text;
    const echo = this.told.indexOf(text);
    this.told.splice(0, echo + 1);
    if (echo >= 0) return;
    this.wanted = text;
    this.begin();
  }

  /** A new scene: what the link says is pinned, and nothing else. */
  begin() {
    this.lead = null;
    this.set(this.wanted.split(",").filter(Boolean).map(Number).slice(0, MOST));
  }

  set(steps) {
    if (!steps.length && !this.on) return;
    this.steps = [...new Set(steps)].sort((a, b) => a - b);
    this.player.redraw();
  }

  /** What the hand has pinned; the page hears of it, for its link. */
  pin(steps) {
    this.set(steps);
    this.mark();
    this.wanted = this.steps.join(",");
    this.told.push(this.wanted);
    this.player.callbacks.onPin?.(this.steps);
  }

  /** Pin the frame shown, or take its pin away. */
  toggle() {
    const { recording, index } = this.player;
    const step = recording.steps[index];
    const pinned = this.pinOf(step);
    if (pinned !== undefined) this.pin(this.steps.filter((s) => s !== pinned));
    else if (this.steps.length < MOST) this.pin([...this.steps, step]);
  }

  /** The pin that shows the frame with this id, if any. */
  pinOf(step) {
    const { recording } = this.player;
    return this.steps.find((pin) => recording.steps[nearest(recording.steps, pin)] === step);
  }

  /** Whether the button pins or takes away. */
  mark() {
    const { recording, index, ui } = this.player;
    const pinned = this.pinOf(recording.steps[index]) !== undefined;
    const full = !pinned && this.steps.length >= MOST;
    ui.pin.setAttribute("aria-pressed", String(pinned));
    ui.pin.disabled = full;
    ui.pin.title = full ? "Two frames are pinned: take one away first" : "Keep this frame beside the others (;)";
  }

  /** Frames have come or gone: a pin shows the nearest that is kept. */
  refresh() {
    if (this.on && this.indices().some((index, k) => this.player.recording.steps[index] !== this.shown[k]?.step)) this.player.redraw();
    this.player.ui.pin.hidden = this.player.recording.length < 2 && !this.player.recording.growing;
  }

  indices() {
    const { steps } = this.player.recording;
    return [...new Set(this.steps.map((pin) => nearest(steps, pin)))];
  }

  turn(panels) {
    this.lead = (leadOf(panels, this.lead) + 1) % panels.length;
  }

  // --- the picture ------------------------------------------------------------------------------------------

  /** Boxes as `arrange` gives them: the lead's in the last column (or row, where that is much larger); the others wait. */
  arrange(panels, width, height, font) {
    const lead = leadOf(panels, this.lead);
    const frames = this.indices();
    const count = frames.length + 1;
    const around = margins({ ...panels[lead], title: "pinned" }, font);
    const sized = (w, h) => ({ panel: panels[lead], ...around, top: Math.max(around.top, ROOM), w: Math.floor(w), h: Math.floor(h) });
    const [column, row] = [sized(width / count, height), sized(width, height / count)];
    const [beside, above] = [column, row].map((box) => axesOf(box).reduce((w, h) => Math.max(0, w) * Math.max(0, h)));
    const box = (k) => (above > HIGHER * beside ? { ...row, x: 0, y: k * row.h } : { ...column, x: k * column.w, y: 0 });
    this.shown = frames.map((index, k) => {
      const step = this.player.recording.steps[index];
      const view = new View({ ...panels[lead], title: this.title(panels[lead], step) }, { ...box(k), taken: ROOM }, font);
      return { index, step, lead, view };
    });
    return panels.map((_, p) => (p === lead ? box(frames.length) : null));
  }

  title(panel, step) {
    return [`${this.player.recording.layout.time} ${step}`, panel.title].filter(Boolean).join(" · ");
  }

  /** The pinned frames, onto the sheet that has the axes. */
  draw(ctx, look) {
    this.explained = new Set();
    if (!this.on) this.shown = [];
    for (const { view, lead, index } of this.shown) {
      view.drawFrame(ctx, look.palette.roles, look.family);
      this.player.drawPanel(view, lead, this.explained, ctx, index);
    }
    this.placeButtons();
  }

  placeButtons() {
    const { ui, recording } = this.player;
    for (const old of ui.stage.querySelectorAll(".unpin")) old.remove();
    for (const { view, step } of this.shown) {
      const name = `Unpin ${recording.layout.time} ${step}`;
      const button = make("button", { type: "button", class: "unpin", "aria-label": name, title: name }, "×");
      button.style.transform = `translate(${view.box.x + view.box.w - ROOM}px, ${view.area.y - ROOM}px)`;
      button.onclick = () => this.pin(this.steps.filter((pin) => pin !== this.pinOf(step)));
      ui.stage.append(button);
    }
  }

  /** Over the frame that plays, which it is. */
  drawTitle(ctx, look) {
    if (!this.on) return;
    const { views, recording, stepShown } = this.player;
    const p = views.findIndex(Boolean);
    Object.assign(ctx, { textBaseline: "middle", textAlign: "left", fillStyle: look.colour("ink") });
    views[p].drawTitle(ctx, look.family, this.title(recording.layout.panels[p], stepShown));
  }

  /** The pinned frame under a place on the canvas. */
  at(px, py) {
    return this.shown.find(({ view }) => view.contains(px, py));
  }
}

/** Index of the id that is nearest. */
function nearest(steps, pin) {
  let best = 0;
  steps.forEach((step, k) => Math.abs(step - pin) < Math.abs(steps[best] - pin) && (best = k));
  return best;
}

/** The panel that is shown: the one turned to, else the first of those with the largest share. */
function leadOf(panels, turned) {
  return turned ?? panels.reduce((best, panel, p) => (panel.share > panels[best].share ? p : best), 0);
}
