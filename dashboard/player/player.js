// The Player: a video player for runs. It knows scenes, frames and the person at the controls; it knows neither
// Streamlit nor any model. `createPlayer(root, source, callbacks)` fills `root` and returns the player.

import { arrange } from "./arrange.js";
import { View, number } from "./panel.js";
import { drawKey, nameCurves } from "./names.js";
import { hover, painters } from "./layers.js";
import { Drag } from "./drag.js";
import { Look } from "./look.js";
import { Pins } from "./pins.js";
import { Question } from "./ask.js";
import { SaveMenu } from "./save.js";
import { Recording } from "./recording.js";
import { readBlob } from "./safetensors.js";
import { marked } from "./words.js";

const DOZE = 2500; // milliseconds after which the bar goes, in full screen
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const ICONS = {
  play: "M7 4v16l13-8z",
  pause: "M6 4h4v16H6zM14 4h4v16h-4z",
  back: "M5 5h3v14H5zM20 5v14L9 12z",
  next: "M16 5h3v14h-3zM4 5l11 7L4 19z",
  loop: "M7 7h10v3l5-4.5L17 1v3H4v8h3zM17 17H7v-3l-5 4.5L7 23v-3h13v-8h-3z",
  pin: "M8 3h8v2h-1v6l3 3v2h-5v5h-2v-5H6v-2l3-3V5H8z",
  save: "M11 3h2v9l4-4 1.4 1.4L12 15.8 5.6 9.4 7 8l4 4zM4 18h16v3H4z",
  list: "M12 3 2 8.5 12 14l10-5.5zM4.5 12 2 13.5 12 19l10-5.5-2.5-1.5-7.5 4z",
  drawer: "M3 6h8v2H3zM15 6h6v2h-6zM12 4h2v6h-2zM3 15h3v2H3zM10 15h11v2H10zM7 13h2v6H7z",
  full: "M4 4h7v3H7v4H4zM13 4h7v7h-3V7h-4zM4 13h3v4h4v3H4zM17 13h3v7h-7v-3h4z",
};

const MARKUP = `
  <div class="ask" role="dialog" tabindex="-1" hidden></div>
  <div class="stage">
    <canvas role="img"></canvas>
    <div class="tip" hidden></div>
    <div class="message" role="alert" hidden><span></span><button type="button" class="retry">Try again</button></div>
  </div>
  <div class="result" role="region" aria-label="The answer" tabindex="0" hidden></div>
  <div class="words">
    <div class="caption"><span class="now"></span><span class="say"></span></div>
    <dl class="readouts" aria-label="Numbers of this frame"></dl>
  </div>
  <div class="equation" hidden></div>
  <div class="bar">
  <div class="brush" role="toolbar" aria-label="Brush" hidden></div>
  <div class="training" role="toolbar" aria-label="Training" hidden>
    <button type="button" class="train"></button>
    <button type="button" class="once">One step</button>
    <span class="moves"></span>
    <button type="button" class="slow" hidden>Slow motion</button>
    <button type="button" class="stop">Stop</button>
    <button type="button" class="again" hidden>Start again</button>
    <span class="state" role="status"></span>
  </div>
  <div class="transport" role="toolbar" aria-label="Playback">
    <button type="button" class="back" aria-label="One frame back" title="One frame back (←)"></button>
    <button type="button" class="play" aria-label="Play" title="Play or pause (space)"></button>
    <button type="button" class="next" aria-label="One frame forward" title="One frame forward (→)"></button>
    <span class="track"><input type="range" class="scrub" min="0" max="0" value="0" aria-label="Frame"></span>
    <button type="button" class="live" hidden title="Follow the newest frame (End)">LIVE</button>
    <select class="speed" aria-label="Speed">${SPEEDS.map((s) => `<option value="${s}">${s}×</option>`).join("")}</select>
    <button type="button" class="loop" aria-label="Loop" aria-pressed="false" title="Start again at the end"></button>
    <button type="button" class="question" hidden aria-label="Ask again" title="Ask the question again (?)">?</button>
    <button type="button" class="pin" aria-label="Pin this frame" aria-pressed="false"></button>
    <button type="button" class="more" hidden title="Show the other panels (.)"></button>
    <button type="button" class="list" aria-label="Layers" aria-expanded="false" title="What is drawn (,)"></button>
    <button type="button" class="save" aria-label="Save" aria-expanded="false" title="Something to take home"></button>
    <button type="button" class="full" aria-label="Full screen" title="Full screen (F)"></button>
    <button type="button" class="drawer" hidden aria-label="Controls" title="Controls (K)"></button>
  </div>
  </div>
  <div class="menu" role="group" aria-label="Save" hidden></div>
  <div class="layers" role="group" aria-label="What is drawn" hidden></div>`;

export function createPlayer(root, source, callbacks = {}) {
  return new Player(root, source, callbacks);
}

class Player {
  constructor(root, source, callbacks) {
    this.root = root;
    this.callbacks = callbacks;
    this.recording = new Recording();
    this.index = 0;
    this.position = 0;
    this.playing = false;
    this.following = false;
    this.speed = 1;
    this.name = "picture";
    this.asked = []; // panels that come before the others
    this.drawn = []; // times of the last pictures
    this.hidden = new Set(); // names of layers switched off
    this.build();
    this.setTheme(callbacks.palette, callbacks.scale ?? 1);
    if (source) this.load(source);
  }

  // --- what surrounds the picture ---------------------------------------------------------------------------

  build() {
    const { root } = this;
    root.classList.add("player");
    root.dataset.testid = "player";
    root.dataset.status = "loading";
    root.dataset.frames = "0";
    root.tabIndex = -1;
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "Animation");
    root.innerHTML = MARKUP;
    const find = (name) => root.querySelector(name);
    this.canvas = find("canvas");
    this.ctx = this.canvas.getContext("2d");
    this.ui = Object.fromEntries(
      ["stage", "tip", "message", "caption", "back", "play", "next", "scrub", "live", "speed", "loop", "full", "readouts", "equation", "layers", "retry", "now", "say", "more", "list", "drawer", "save", "brush", "training", "train", "once", "moves", "slow", "stop", "again", "state", "ask", "result", "question", "pin"]
        .map((name) => [name, find(`.${name}`)]),
    );
    for (const name of ["back", "play", "next", "loop", "pin", "list", "save", "full", "drawer"]) setIcon(this.ui[name], name);
    this.ui.speed.value = "1";
    this.wire();
    this.drag = new Drag(this, this.ui.stage, this.ui.brush);
    this.saving = new SaveMenu(this, this.ui.save, find(".menu"));
    this.question = new Question(this);
    this.pins = new Pins(this);
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(this.ui.stage);
  }

  wire() {
    const { ui, root } = this;
    ui.play.onclick = () => this.toggle();
    ui.back.onclick = () => this.step(-1);
    ui.next.onclick = () => this.step(1);
    ui.scrub.oninput = () => this.seek(Number(ui.scrub.value));
    ui.live.onclick = () => this.follow();
    ui.speed.onchange = () => (this.speed = Number(ui.speed.value));
    ui.loop.onclick = () => this.setLoop(!this.loop);
    ui.full.onclick = () => this.fullScreen();
    ui.retry.onclick = () => this.retry();
    ui.list.onclick = () => this.openLayers(ui.layers.hidden);
    ui.more.onclick = () => this.turnPanels();
    ui.drawer.onclick = () => this.callbacks.onDrawer?.();
    ui.train.onclick = () => this.order((this.coming ?? this).recording.training ? "pause" : "play");
    ui.once.onclick = () => this.order("step");
    ui.stop.onclick = () => this.order("stop");
    ui.slow.onclick = () => this.order(ui.slow.getAttribute("aria-pressed") === "true" ? "fast" : "slow");
    ui.again.onclick = () => {
      this.anew = true;
      this.callbacks.onGone?.();
    };
    root.addEventListener("keydown", (event) => this.key(event));
    for (const type of ["keyup", "keypress"]) root.addEventListener(type, (event) => isOurs(event) && event.stopPropagation());
    root.addEventListener("pointermove", () => this.wake());
    this.onFull = () => (root.dataset.full = Boolean(document.fullscreenElement));
    document.addEventListener("fullscreenchange", this.onFull);
    this.onFull();
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => this.point(null));
    this.canvas.addEventListener("pointerdown", () => root.focus({ preventScroll: true }));
  }

  /** What belongs to the picture: the cue's sentence, a name for what is saved, a question before it, frames to pin. */
  setWords({ say = "", name = "picture", ask = null, pin = "", code = "" }) {
    Object.assign(this, { name, code });
    this.pins.want(pin);
    this.question.put(ask, name);
    if (this.said === say) return;
    this.said = say;
    this.ui.say.replaceChildren(...marked(say));
  }

  setTheme(palette, scale) {
    this.palettes = palette ?? this.palettes;
    this.scale = scale;
    this.root.dataset.scale = scale;
    this.look = null;
    this.draw();
  }

  /** Colours follow Streamlit's own: dark where its background is dark. */
  refreshLook() {
    const style = getComputedStyle(this.root);
    const background = style.getPropertyValue("--st-background-color").trim() || "#ffffff";
    const density = window.devicePixelRatio || 1;
    const signature = `${background}/${density}/${this.scale}/${style.fontSize}`;
    if (this.look && this.signature === signature) return;
    this.signature = signature;
    const palette = this.palettes[isDark(background) ? "dark" : "light"];
    palette.roles.paper = background;
    this.look = new Look(palette, this.scale, style.fontFamily, density);
    this.font = Math.max(0.94 * (parseFloat(style.fontSize) || 14.4), this.scale > 1 ? 20.1 : 13.1); // the smallest in the picture
    this.backdrop = null;
    if (this.recording.length) this.markLayers();
  }

  resize() {
    if (matchMedia("print").matches) return; // on paper the picture is the one that was looked at
    const { clientWidth, clientHeight } = this.ui.stage;
    const density = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(clientWidth * density), Math.round(clientHeight * density)];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
      this.backdrop = null;
    }
    this.drawNow();
  }

  // --- the recording ----------------------------------------------------------------------------------------

  /** Play another source. The picture stays until the first frame of the new one is there. */
  load(source, { fresh = true } = {}) {
    this.coming?.source.close();
    const coming = { source, recording: new Recording(), fresh };
    this.coming = coming;
    if (!this.recording.length) this.setStatus("loading");
    const current = () => coming === this.coming || source === this.source;
    source.open({
      onOpen: () => {
        if (current()) this.say("");
        if (source === this.source) this.drag.resume();
      },
      onBlob: (buffer) => current() && this.take(coming, buffer),
      onTrouble: (why) => current() && this.say(why, true),
      onRefused: (n, why) => current() && this.drag.refused(n, why),
      onGone: () => current() && (this.callbacks.onGone ? this.callbacks.onGone() : this.say("This run is no longer there.", true)),
    });
  }

  take(coming, buffer) {
    const shown = this.recording.steps[this.index];
    try {
      const blob = readBlob(buffer);
      if (blob.message.answer !== undefined) return this.drag.hear(blob.message.answer, blob.arrays, blob.message);
      coming.recording.take(blob);
    } catch (why) {
      return this.say(`This animation arrived damaged: ${why.message}.`, true);
    }
    if (coming.recording.reason === "gone") return coming === (this.coming ?? coming) && this.callbacks.onGone?.();
    this.say("");
    if (coming.recording === this.recording) this.keepPlace(shown);
    if (coming === this.coming && coming.recording.length) this.show(coming);
    if (coming.recording === this.recording) this.grown();
    else if (coming === this.coming) this.showTraining(coming.recording); // it waits for its turn
    const done = ["done", "failed"].includes(coming.recording.status) && !coming.recording.more;
    if (!done) coming.source.more(coming.recording.lastStep);
  }

  /** Frames may have been thinned out: stay at the id that was shown, or at the last one kept before it. */
  keepPlace(shown) {
    if (shown === undefined || this.recording.steps[this.index] === shown) return;
    this.index = this.recording.indexOf(shown);
    this.position = this.index;
  }

  /** The first frame of a source is there: it takes the place of the one shown. */
  show({ source, recording, fresh }) {
    const before = this.recording;
    const step = before.steps[this.index];
    const wasAtEnd = before.length > 0 && this.index === before.length - 1;
    this.source?.close();
    Object.assign(this, { source, recording, coming: null, backdrop: null });
    if (fresh) this.asked = [];
    const { layout } = recording;
    this.canvas.setAttribute("aria-label", layout.alt);
    const dropped = performance.now() - this.dropped < 3000 && layout.start !== null ? layout.start : undefined;
    this.dropped = -Infinity;
    if (fresh || !before.length) {
      this.hidden = new Set(layersOf(layout).filter((l) => !l.visible).map((l) => l.name));
      this.setLoop(layout.loop);
      this.index = this.position = 0;
      this.pins.begin();
      this.start();
      this.following = recording.growing && this.playing;
      this.buildLayers();
    } else {
      const follow = recording.growing && !this.question.open && (this.following || this.anew || (wasAtEnd && !before.growing));
      this.resumeAt = follow ? undefined : this.question.open ? -Infinity : dropped ?? (wasAtEnd && !this.playing ? "end" : step);
      if (follow) this.setPlaying(true);
      this.following = follow;
      this.buildLayers();
    }
    this.anew = false;
    this.buildReadouts();
    this.drag.show();
    this.saving.show(fresh);
  }

  /** Frames were added, or the status changed. */
  grown() {
    const { recording, ui, root } = this;
    root.dataset.frames = recording.length;
    ui.scrub.max = recording.length - 1;
    if (this.resumeAt !== undefined) {
      this.index = this.position = this.resumeAt === "end" ? recording.length - 1 : recording.indexOf(this.resumeAt);
      if (!recording.more) this.resumeAt = undefined;
    }
    this.index = Math.min(this.index, recording.length - 1);
    ui.live.hidden = !recording.growing;
    this.pins.refresh();
    this.showTraining(recording);
    if (recording.status === "failed" && !recording.live) this.say(recording.reason, true);
    this.draw();
  }

  /** The buttons of a live run, and in words how it stands. */
  showTraining(recording) {
    const { ui } = this;
    const { status, live, training, place, reason } = recording;
    this.setStatus(status);
    ui.training.hidden = !live;
    if (!live) return;
    const ended = !recording.growing;
    for (const button of [ui.train, ui.stop]) button.hidden = ended;
    this.showMoves(recording, ended);
    ui.again.hidden = !ended;
    setText(ui.train, training ? "Pause training" : "Resume");
    const words = {
      running: "Training.",
      paused: "Paused.",
      queued: place ? `Waiting for its turn: number ${place}.` : "Starting.",
      done: "Finished.",
      failed: `It stopped: ${reason}`,
    };
    setText(ui.state, words[status] ?? "");
  }

  /** One button for each thing that can be done singly; without such things, one for a step. */
  showMoves({ moves, slow }, ended) {
    const { ui } = this;
    const names = Object.keys(moves ?? {});
    ui.once.hidden = ended || names.length > 0;
    ui.slow.hidden = ended || names.length === 0;
    ui.moves.hidden = ended;
    ui.slow.setAttribute("aria-pressed", String(Boolean(slow)));
    if (ui.moves.childElementCount === names.length) return;
    ui.moves.replaceChildren(...names.map((name) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.onclick = () => this.order(`step:${moves[name]}`);
      return button;
    }));
  }

  order(command) {
    (this.coming ?? this).source?.send({ do: command });
    if (command !== "stop" && !this.coming) this.follow();
  }

  setStatus(status) {
    this.root.dataset.status = status;
  }

  /** One sentence over the picture, with a way to try again; an empty one takes it away. */
  say(text, retry = false) {
    this.ui.message.hidden = !text;
    this.ui.message.firstElementChild.textContent = text;
    this.ui.retry.hidden = !retry;
  }

  retry() {
    this.say("");
    (this.coming?.source ?? this.source)?.retry();
  }

  // --- time -------------------------------------------------------------------------------------------------

  /** Play, unless a question waits or nothing is to move by itself. */
  start() {
    this.setPlaying(!this.question.open && !matchMedia("(prefers-reduced-motion: reduce)").matches);
  }

  /** Wait at the first frame. */
  hold() {
    this.setPlaying(false);
    this.resumeAt = undefined;
    this.index = this.position = 0;
  }

  /** Answer the question that waits by showing the picture; false where there is none. */
  reveal() {
    return this.question.reveal();
  }

  toggle() {
    if (!this.playing && this.index >= this.recording.length - 1) this.index = this.position = 0;
    this.setPlaying(!this.playing);
  }

  setPlaying(playing) {
    this.playing = playing;
    this.following = false;
    if (playing) this.drag.forget();
    this.clock = performance.now();
    setIcon(this.ui.play, playing ? "pause" : "play");
    this.ui.play.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.draw();
  }

  step(by) {
    this.setPlaying(false);
    this.seek(this.index + by);
  }

  seek(index) {
    if (this.following) this.setPlaying(false); // one who looks back wants to look, not to be carried off
    this.resumeAt = undefined;
    this.drag.forget();
    this.index = this.position = Math.max(0, Math.min(this.recording.length - 1, index));
    this.draw();
  }

  follow() {
    this.setPlaying(true);
    this.following = true;
    this.grown();
  }

  setLoop(loop) {
    this.loop = loop;
    this.ui.loop.setAttribute("aria-pressed", String(loop));
  }

  /** Move the position by the time that has passed. */
  advance(now) {
    const { recording } = this;
    // the frame's own time may lie before the moment at which play was pressed
    const passed = Math.min(0.25, Math.max(0, now - this.clock) / 1000);
    this.clock = now;
    const last = recording.length - 1;
    if (this.following) {
      // frames come in small batches, ten a second: play each batch out until the next one is there
      this.position = Math.min(last, this.position + Math.max(1, last - this.position) * Math.min(1, passed * 10));
      this.index = Math.round(this.position);
      if (!recording.growing && !recording.more && this.position >= last) this.setPlaying(false);
      return;
    }
    this.position += passed * recording.layout.fps * this.speed;
    if (this.position > recording.length - 1) {
      if (recording.growing) this.following = true;
      if (recording.more || recording.growing) this.position = recording.length - 1;
      else if (this.loop) this.position = recording.length > 1 ? this.position % recording.length : 0;
      else {
        this.position = recording.length - 1;
        this.setPlaying(false);
      }
    }
    this.index = Math.min(Math.floor(this.position), recording.length - 1);
  }

  // --- the picture ------------------------------------------------------------------------------------------

  draw() {
    this.scheduled ??= requestAnimationFrame((now) => {
      this.scheduled = undefined;
      if (!this.recording.length) return;
      if (this.playing) this.advance(now);
      this.drawNow();
      const waits = this.following && this.position >= this.recording.length - 1;
      if (this.playing && !waits) this.draw();
    });
  }

  /** Draw all of it, axes and what is pinned too. */
  redraw() {
    this.backdrop = null;
    this.draw();
  }

  drawNow() {
    if (!this.recording.length || !this.canvas.width || !this.palettes) return;
    this.refreshLook();
    this.backdrop ??= this.drawBackdrop();
    this.paint();
    this.drag.drawStroke(this.ctx, this.look);
    this.drag.place();
    this.showNumbers();
    this.showTip();
    this.countPictures();
  }

  /** The frame, on its backdrop. */
  paint() {
    const { ctx, look } = this;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.drawImage(this.backdrop, 0, 0);
    ctx.setTransform(look.density, 0, 0, look.density, 0, 0);
    const explained = new Set(this.pins.explained); // names of layers that a key has explained
    this.views.forEach((view, p) => view && this.drawPanel(view, p, explained));
    this.pins.drawTitle(ctx, look);
  }

  /** Axes, grids and titles: drawn once for a size and a theme. */
  drawBackdrop() {
    const { canvas, look, recording } = this;
    const sheet = document.createElement("canvas");
    Object.assign(sheet, { width: canvas.width, height: canvas.height });
    const ctx = sheet.getContext("2d");
    ctx.scale(look.density, look.density);
    ctx.fillStyle = look.colour("paper");
    ctx.fillRect(0, 0, canvas.width, canvas.height);
    const { panels } = recording.layout;
    const room = [canvas.width / look.density, canvas.height / look.density, this.font];
    const boxes = this.pins.on ? this.pins.arrange(panels, ...room) : arrange(panels, ...room, this.asked);
    this.views = boxes.map((box, p) => box && new View(this.pins.on ? { ...panels[p], title: "" } : panels[p], box, this.font));
    this.waiting = boxes.flatMap((box, p) => (box ? [] : [p]));
    this.showWaiting();
    for (const view of this.views) view?.drawFrame(ctx, look.palette.roles, look.family);
    const { brush } = recording.layout;
    if (brush) this.views[brush.panel]?.drawBoard(ctx, look.palette.roles);
    this.pins.draw(ctx, look);
    return sheet;
  }

  /** The panels that find no room are one key away. */
  showWaiting() {
    const { more } = this.ui;
    const titles = this.waiting.map((p) => this.recording.layout.panels[p].title || `panel ${p + 1}`);
    more.hidden = !titles.length;
    setText(more, `+${titles.length}`);
    more.setAttribute("aria-label", `Show ${titles.join(", ")}`);
  }

  turnPanels() {
    if (this.pins.on) this.pins.turn(this.recording.layout.panels);
    else this.asked = this.waiting;
    this.backdrop = null;
    this.drawNow();
  }

  openLayers(open) {
    this.ui.layers.hidden = !open;
    this.ui.list.setAttribute("aria-expanded", String(open));
    if (open) this.saving.open(false);
    if (open) this.ui.layers.querySelector("button")?.focus({ preventScroll: true });
  }

  /** A panel's layers, at the frame shown or at a pinned one. */
  drawPanel(view, p, explained, ctx = this.ctx, pinned = undefined) {
    ctx.save();
    ctx.beginPath();
    if (view.panel.axes) ctx.rect(view.area.x, view.area.y, view.area.w, view.area.h);
    else ctx.rect(view.box.x, view.box.y, view.box.w, view.box.h);
    ctx.clip();
    const layers = this.layersAt(p, pinned);
    for (const { layer, get, look } of layers) {
      ctx.save();
      painters[layer.kind](ctx, layer, get, view, look);
      ctx.restore();
    }
    if (view.panel.axes) drawKey(ctx, layers, view, this.look, explained);
    nameCurves(ctx, layers, view, this.look);
    ctx.restore();
  }

  /** The layers of a panel that are on, each with its channels at the frame shown, or at a pinned one. */
  layersAt(p, pinned) {
    const { recording } = this;
    const [index, step] = pinned === undefined ? [this.index, this.stepShown] : [pinned, recording.steps[pinned]];
    const at = (address) => (pinned === undefined ? this.channel(address) : recording.channel(address, pinned));
    return recording.layout.panels[p].layers
      .map((layer, k) => {
        const address = `${p}.${k}`;
        return { layer, get: (channel) => at(`${address}.${channel}`), look: this.look.at(recording, address, index, step) };
      })
      .filter(({ layer }) => !this.hidden.has(layer.name));
  }

  /** A channel of the frame shown, or of the picture that the hand asked for. */
  channel(address) {
    return this.drag.answer?.arrays.get(address) ?? this.recording.channel(address, this.index);
  }

  get stepShown() {
    return this.drag.answer?.step ?? this.recording.steps[this.index];
  }

  countPictures() {
    const now = performance.now();
    this.drawn.push(now);
    while (this.drawn[0] < now - 1000) this.drawn.shift();
    if (now - (this.toldFps ?? 0) < 250 && this.playing) return; // the page need not hear of it sixty times a second
    this.toldFps = now;
    this.root.dataset.fps = this.drawn.length;
  }

  // --- numbers ----------------------------------------------------------------------------------------------

  buildReadouts() {
    const { layout } = this.recording;
    this.ui.readouts.replaceChildren();
    const add = (name) => {
      const box = document.createElement("div");
      box.innerHTML = "<dt></dt><dd></dd>";
      box.dataset.readout = name;
      box.firstChild.textContent = name;
      this.ui.readouts.append(box);
      return box.lastChild;
    };
    this.stepOut = add(layout.time);
    this.outs = layout.readouts.filter((r) => !r.hidden).map((r) => add(r.name));
    this.ui.equation.hidden = !layout.equation;
    setText(this.ui.now, "");
  }

  showNumbers() {
    const { recording, index, ui, root } = this;
    const step = this.stepShown;
    const now = [recording, step, recording.length, this.drag.answer, this.following];
    if (this.shown?.every((value, i) => value === now[i])) return;
    this.shown = now;
    this.pins.mark();
    root.dataset.frame = step;
    ui.scrub.value = index;
    ui.scrub.setAttribute("aria-valuetext", `${recording.layout.time} ${step}`);
    ui.live.setAttribute("aria-pressed", String(this.following));
    const { numbers, caption, equation } = this.words();
    setText(this.stepOut, number(step, 7));
    this.outs.forEach((out, k) => setText(out, numbers[k].text));
    setText(ui.now, caption);
    setText(ui.equation, equation);
  }

  /** What is said of the frame: its numbers as they are written, its sentence, its equation. */
  words() {
    const { equation, readouts } = this.recording.layout;
    const captions = this.drag.answer?.captions ?? this.recording.layout.captions;
    const value = (k) => this.channel(`readout.${k}`).data[0];
    const byName = new Map(equation ? readouts.map((r, k) => [r.name, fixed(value(k), r)]) : []);
    return {
      numbers: readouts.flatMap((r, k) => (r.hidden ? [] : { name: r.name, text: withUnit(value(k), r) })),
      caption: captions[this.channel("caption")?.data[0] ?? -1] ?? "",
      equation: equation.replace(/\{([^}]+)\}/g, (_, name) => byName.get(name) ?? "–"),
    };
  }

  buildLayers() {
    const { ui } = this;
    const seen = new Map(layersOf(this.recording.layout).map((l) => [l.name, l]));
    seen.delete(""); // what has no name has no switch
    ui.layers.replaceChildren();
    for (const layer of seen.values()) {
      const button = document.createElement("button");
      button.type = "button";
      button.innerHTML = `<i></i><span></span>${layer.key ? "<kbd></kbd>" : ""}`;
      button.children[1].textContent = layer.name;
      if (layer.key) button.children[2].textContent = layer.key.toUpperCase();
      button.dataset.layer = layer.name;
      button.dataset.look = layer.dashed ? "dashed" : layer.kind;
      button.onclick = () => this.toggleLayer(layer.name);
      ui.layers.append(button);
    }
    if (this.look) this.markLayers();
  }

  toggleLayer(name) {
    this.hidden[this.hidden.has(name) ? "delete" : "add"](name);
    this.markLayers();
    if (this.pins.on) this.redraw();
    else this.draw();
  }

  markLayers() {
    const byName = new Map(layersOf(this.recording.layout).map((l) => [l.name, l]));
    for (const button of this.ui.layers.children) {
      button.setAttribute("aria-pressed", String(!this.hidden.has(button.dataset.layer)));
      if (this.look) button.firstChild.style.setProperty("--swatch", this.look.swatch(byName.get(button.dataset.layer)));
    }
  }

  // --- the hand: what it asks, and what the page hears -------------------------------------------------------

  ask(values, n) {
    this.source?.send({ ask: values, step: this.recording.steps[this.index], n });
  }

  /** An answer is there: draw it now. */
  answered(took) {
    this.answers = (this.answers ?? 0) + 1;
    this.root.dataset.answers = this.answers;
    this.drawNow();
    this.root.dataset.answerMs = took.toFixed(1);
  }

  released(values) {
    this.dropped = performance.now();
    this.callbacks.onDrop?.(values);
  }

  // --- pointer and keys ---------------------------------------------------------------------------------------------

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    this.pointer = event && [event.clientX - box.left, event.clientY - box.top];
    this.draw();
  }

  showTip() {
    const { tip } = this.ui;
    const text = this.pointer && this.tipText(...this.pointer);
    tip.hidden = !text;
    if (!text) return;
    setText(tip, text);
    const [x, y] = this.pointer;
    const left = x > this.ui.stage.clientWidth / 2;
    tip.style.transform = `translate(${x}px, ${y}px) translate(${left ? "calc(-100% - 12px)" : "14px"}, -120%)`;
  }

  tipText(px, py) {
    const pinned = this.pins.at(px, py);
    if (pinned) return hover(this.layersAt(pinned.lead, pinned.index), pinned.view, px, py);
    const p = this.views?.findIndex((view) => view?.contains(px, py)) ?? -1;
    return p < 0 ? null : hover(this.layersAt(p), this.views[p], px, py);
  }

  /** Whether it was for us; letters are ours even where they do nothing, for R and C mean something to Streamlit. */
  key(event) {
    if (this.question.key(event)) return event.stopPropagation(), true;
    if (!isOurs(event)) return false;
    const onButton = event.target instanceof HTMLButtonElement && event.target !== this.ui.play;
    const inSelect = event.target instanceof HTMLSelectElement;
    const actions = {
      " ": () => this.toggle(),
      ArrowLeft: () => this.step(-1),
      ArrowRight: () => this.step(1),
      Home: () => this.seek(0),
      End: () => (this.ui.live.hidden ? this.seek(this.recording.length - 1) : this.follow()),
      f: () => this.fullScreen(),
      k: () => this.callbacks.onDrawer?.(),
      ",": () => this.openLayers(this.ui.layers.hidden),
      ".": () => this.turnPanels(),
      "[": () => this.saving.mark("from"),
      "]": () => this.saving.mark("to"),
      Escape: () => (this.openLayers(false), this.saving.open(false), this.question.dismiss()),
      ";": () => this.pins.toggle(),
      "?": () => this.question.asked && this.question.show(),
    };
    const reserved = "fk".includes(event.key.toLowerCase());
    const layer = !reserved && this.recording.layout && layersOf(this.recording.layout).find((l) => l.key && l.key === event.key.toLowerCase());
    const action = layer ? () => this.toggleLayer(layer.name) : actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    event.stopPropagation();
    if (!action || !this.recording.length || inSelect || (event.key === " " && onButton)) return true;
    event.preventDefault();
    action();
    return true;
  }

  /** The page as a whole: its question, its cues and its drawer belong to the picture. */
  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen?.();
  }

  /** In full screen the bar lies over the picture for as long as the pointer moves, or the keyboard is in it. */
  wake() {
    this.root.dataset.awake = true;
    clearTimeout(this.dozing);
    this.dozing = setTimeout(() => (this.root.dataset.awake = false), DOZE);
  }

  focus() {
    if (this.question.open) return this.question.focus();
    this.root.focus({ preventScroll: true });
  }

  close() {
    document.removeEventListener("fullscreenchange", this.onFull);
    clearTimeout(this.dozing);
    this.setPlaying(false);
    cancelAnimationFrame(this.scheduled);
    this.resizing.disconnect();
    this.saving.cancel();
    this.coming?.source.close();
    this.source?.close();
  }
}

/** Keys that must not travel on to the page: ours, and letters such as R and C that mean something to Streamlit. */
function isOurs(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  return /^[a-z ,.;?[\]]$/i.test(event.key) || ["ArrowLeft", "ArrowRight", "Home", "End", "Escape"].includes(event.key);
}

const layersOf = (layout) => layout.panels.flatMap((panel) => panel.layers);

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setIcon(button, name) {
  button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;
}

function fixed(value, { digits, significant }) {
  if (significant) return number(value, digits);
  if (!Number.isFinite(value) || Math.abs(value) >= 1e6) return number(value);
  if (value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits) return number(value, 2);
  return value.toFixed(digits).replace("-", "−");
}

const withUnit = (value, { unit, ...how }) => fixed(value, how) + (unit && !Number.isNaN(value) ? ` ${unit}` : "");

/** Whether a CSS colour is dark: relative luminance below a half of white's as the eye sees it. */
function isDark(colour) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = colour;
  const hex = /^#(..)(..)(..)/.exec(probe.fillStyle);
  const [r, g, b] = hex ? hex.slice(1).map((h) => parseInt(h, 16)) : [255, 255, 255];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128;
}
