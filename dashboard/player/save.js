// The menu of what can be taken home from the Player: the frame as a picture or as numbers, the run (or a part of it,
// marked on the play bar) as a film, a GIF, one HTML file or arrays; and links. What needs the server is offered
// where there is one: `player.callbacks.files()` gives the address of the run's files, `link()` that of the page.

import { FILM, GIF, NO_ENCODER, Still, gifPictures, mp4, schedule, settings } from "./film.js";

const ITEMS = [
  // method, what it is, its kind, what it needs
  ["picture", "Picture of this frame", "PNG", ""],
  ["film", "Film", "MP4", ""],
  ["gif", "Moving picture", "GIF", "files"],
  ["animation", "The animation, to play offline", "HTML", "files"],
  ["frame", "Numbers of this frame", "CSV", "files"],
  ["run", "Numbers of all frames", "NPZ", "files"],
  ["code", "Copy the Python that makes its numbers", "", "link"],
  ["link", "Copy the link", "", "link"],
  ["iframe", "Copy an iframe for a web page", "", "link"],
];
const IFRAME = { width: 960, height: 540 };

const MARKUP = `
  <div class="items"></div>
  <div class="part" role="group" aria-label="Part to save">
    <span class="which"></span>
    <button type="button" class="from" title="The part begins at this frame ([)">From here</button>
    <button type="button" class="to" title="The part ends with this frame (])">To here</button>
    <button type="button" class="whole" hidden>All of it</button>
  </div>
  <div class="doing">
    <progress hidden aria-label="Progress"></progress>
    <button type="button" class="cancel" hidden>Cancel</button>
    <span class="note" role="status"></span>
    <input class="copied" readonly hidden aria-label="To be copied">
  </div>`;

export class SaveMenu {
  /** @param player the Player; @param button opens the menu; @param menu is filled */
  constructor(player, button, menu) {
    Object.assign(this, { player, button, menu, from: null, to: null, doing: null });
    menu.innerHTML = MARKUP;
    this.ui = Object.fromEntries(["items", "which", "from", "to", "whole", "progress", "cancel", "note", "copied"]
      .map((name) => [name, menu.querySelector(name === "progress" ? name : `.${name}`)]));
    for (const [name, what, kind, needs] of ITEMS) {
      if (needs && !player.callbacks[needs]) continue;
      const item = document.createElement("button");
      item.type = "button";
      item.innerHTML = "<span></span><small></small>";
      item.firstChild.textContent = what;
      item.lastChild.textContent = kind;
      item.onclick = () => this.start(name);
      this.ui.items.append(item);
    }
    button.onclick = () => this.open(menu.hidden);
    this.ui.from.onclick = () => this.mark("from");
    this.ui.to.onclick = () => this.mark("to");
    this.ui.whole.onclick = () => this.clear();
    this.ui.cancel.onclick = () => this.cancel();
  }

  open(open) {
    if (this.menu.hidden !== open) return;
    const inside = this.menu.contains(this.menu.getRootNode().activeElement);
    this.menu.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    if (open) {
      this.player.openLayers(false);
      this.showPart();
      if (!this.doing) this.say("");
    }
    if (open) this.ui.items.firstElementChild.focus({ preventScroll: true });
    else if (inside) this.button.focus({ preventScroll: true });
  }

  /** One sentence; and a text to be copied by hand, if there is one. */
  say(sentence, text = "") {
    this.ui.note.textContent = sentence;
    Object.assign(this.ui.copied, { value: text, hidden: !text });
    if (text) this.ui.copied.select();
  }

  // --- a part of the run ------------------------------------------------------------------------------------------

  /** The part begins ("from") or ends ("to") at the frame shown; ids stay where frames are thinned out. */
  mark(end) {
    this[end] = this.player.recording.steps[this.player.index];
    if (this.from !== null && this.to !== null && this.from > this.to) this[end === "from" ? "to" : "from"] = null;
    this.showPart();
  }

  clear() {
    this.from = this.to = null;
    this.showPart();
  }

  /** A run is shown: another scene has no marks yet. */
  show(fresh) {
    if (fresh) this.from = this.to = null;
    this.showPart();
  }

  /** First and last index of the part, or of all. */
  get part() {
    const { recording } = this.player;
    const at = (step, otherwise) => (step === null ? otherwise : recording.indexOf(step));
    return [at(this.from, 0), at(this.to, recording.length - 1)];
  }

  showPart() {
    const { recording, ui } = this.player;
    if (!recording.length) return;
    const marked = this.from !== null || this.to !== null;
    const [first, last] = this.part;
    const { time } = recording.layout;
    this.ui.which.textContent = marked ? `Film and GIF show ${time} ${recording.steps[first]} to ${recording.steps[last]}.` : "Film and GIF show all of it.";
    this.ui.whole.hidden = !marked;
    const track = ui.scrub.parentElement;
    const most = Math.max(1, recording.length - 1);
    track.classList.toggle("marked", marked);
    track.style.setProperty("--from", first / most);
    track.style.setProperty("--to", last / most);
  }

  // --- what is done -----------------------------------------------------------------------------------------------

  /** One thing at a time; what goes wrong is said in one sentence. */
  async start(name) {
    if (!this.player.recording.length) return;
    if (this.doing) return this.say("One thing at a time: this one first, or cancel it.");
    const doing = (this.doing = new AbortController());
    this.say("");
    try {
      this.say(...[(await this[name](doing.signal)) ?? ""].flat());
    } catch (why) {
      this.say(doing.signal.aborted ? "Cancelled." : why.message);
    } finally {
      this.doing = null;
      for (const element of [this.ui.progress, this.ui.cancel]) element.hidden = true;
    }
  }

  cancel() {
    this.doing?.abort();
  }

  /** The frame as a picture for a slide or a report: with its caption, its numbers, and where it comes from. */
  async picture() {
    const sheet = new Still(this.player).sheet();
    this.give(await new Promise((resolve) => sheet.toBlob(resolve)), "png", true);
  }

  async film(signal) {
    if (!(await settings(640, 360, 30))) return NO_ENCODER;
    const { still, shown, said } = this.planned(FILM);
    this.give(await mp4(still, shown, signal, this.progress(shown.indices.length)), "mp4");
    return said;
  }

  async gif(signal) {
    const { still, shown, said } = this.planned(GIF);
    const body = await gifPictures(still, shown, signal, this.progress(shown.indices.length + 1));
    this.give(await this.fetch("film.gif", {}, { method: "POST", body, signal }), "gif");
    return said;
  }

  async animation(signal) {
    const { name, said } = this.player;
    this.progress(0);
    this.give(await this.fetch("scene.html", { title: name, say: said ?? "", link: this.player.callbacks.link?.() ?? "" }, { signal }), "html");
  }

  async frame(signal) {
    const { recording, index } = this.player;
    this.give(await this.fetch("frame.csv", { frame: recording.steps[index] }, { signal }), "csv", true);
  }

  async run(signal) {
    this.progress(0);
    this.give(await this.fetch("run.npz", { title: this.player.name }, { signal }), "npz");
  }

  async code() {
    return this.player.code ? this.copy(this.player.code) : "This picture has no Python of its own; the page below shows the functions behind it.";
  }

  async link() {
    return this.copy(this.player.callbacks.link());
  }

  async iframe() {
    const { name, callbacks } = this.player;
    const link = new URL(callbacks.link());
    link.searchParams.set("embed", "true");
    const frame = document.createElement("iframe");
    for (const [key, value] of Object.entries({ src: link.href, title: name, ...IFRAME, allow: "fullscreen", style: "border: 0" })) frame.setAttribute(key, value);
    return this.copy(frame.outerHTML);
  }

  // --- how it is done ---------------------------------------------------------------------------------------------

  /** Which pictures a film of the part has, at the speed that is set, and what is to be said of it. */
  planned(kind) {
    const still = new Still(this.player);
    const { recording } = still.player;
    const [first, last] = this.part;
    const shown = schedule(last - first + 1, recording.layout.fps * this.player.speed, kind);
    shown.indices = shown.indices.map((index) => first + index);
    const taken = shown.indices.length;
    const said = shown.thinned ? `Of ${last - first + 1} frames it shows ${taken}, evenly spaced: more would not fit.` : "";
    return { still, shown, said };
  }

  /** Shows a bar that the function returned moves; without a number of steps it says only that something goes on. */
  progress(steps) {
    const { progress, cancel } = this.ui;
    progress.hidden = cancel.hidden = false;
    if (steps) Object.assign(progress, { max: steps, value: 0 });
    else progress.removeAttribute("value");
    return (done) => (progress.value = done);
  }

  async fetch(file, query, options) {
    const address = `${this.player.callbacks.files()}/${file}?${new URLSearchParams(query)}`;
    let answer;
    try {
      answer = await fetch(address, options);
    } catch (why) {
      if (options.signal.aborted) throw why;
      throw new Error("The server does not answer; start it again, or reload the page.");
    }
    if (answer.ok) return answer.blob();
    const sentence = await answer.text();
    throw new Error(answer.headers.get("Content-Type")?.startsWith("text/plain") && sentence ? sentence : `The server answered ${answer.status}; reload the page.`);
  }

  /** Hand a file over, under a name that says what it shows. */
  give(blob, ending, ofFrame = false) {
    const { name, recording, stepShown } = this.player;
    const words = ofFrame ? [name, recording.layout.time] : [name];
    const stem = [...words.map((word) => word.replaceAll(/[^\p{L}\p{N}]+/gu, "-")), ...(ofFrame ? [stepShown] : [])].join("-");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${stem}.${ending}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  async copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return "Copied.";
    } catch {
      return ["This browser does not let a page copy; copy it from here:", text];
    }
  }
}
