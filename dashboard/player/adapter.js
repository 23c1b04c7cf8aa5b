// The only file that knows Streamlit: it mounts a Player and hands it the run that the page wants shown.
// Streamlit calls the default export again on each change of data, so what lives on is kept by parentElement.

const mounted = new WeakMap();

async function modules({ base, version }) {
  const files = `${window.location.origin}${base}/player-files/${version}/`;
  const [{ createPlayer }, { SocketSource }] = await Promise.all([
    import(`${files}player.js`), import(`${files}source.js`),
  ]);
  return { createPlayer, SocketSource };
}

function socketUrl({ base, run }) {
  return `${window.location.origin.replace(/^http/, "ws")}${base}/runs/${run}`;
}

async function update(place, { data, setTriggerValue }) {
  place.latest = data;
  place.onGone = () => setTriggerValue("gone", place.run);
  place.onDrop = (values) => setTriggerValue("drop", values);
  place.onPin = (steps) => setTriggerValue("pin", { steps });
  here = location.pathname;
  place.root.hidden = !data.run;
  document.querySelector('.st-key-cues button[kind="primary"]')?.scrollIntoView({ block: "nearest", inline: "center" });
  if (!data.run) return; // a page without a picture: only its keys are wanted
  const { createPlayer, SocketSource } = await (place.modules ??= modules(data));
  if (place.closed || place.latest !== data) return;
  Object.assign(place, { height: data.height, embed: data.embed });
  place.root.dataset.embed = data.embed;
  place.player ??= createPlayer(place.root, null, {
    onGone: () => place.onGone(), onDrop: (values) => place.onDrop(values), onPin: (steps) => place.onPin(steps), onDrawer: toggleDrawer,
    files: () => `${window.location.origin}${place.latest.base}/runs/${place.run}`, link: ownLink, palette: data.palette, scale: data.scale,
  });
  place.root.player = place.player; // for who looks from outside: dashboard/export.py
  openDrawer(data.scale);
  place.root.querySelector(".drawer").hidden = data.embed || !document.querySelector(".st-key-controls");
  watchRoom(place);
  place.player.setTheme(data.palette, data.scale);
  place.player.setWords(data);
  if (place.run !== data.run) {
    const fresh = place.scene !== data.scene;
    Object.assign(place, { run: data.run, scene: data.scene });
    place.root.dataset.run = data.run;
    place.player.load(new SocketSource(socketUrl(data)), { fresh });
  }
  if (data.focus && place.focus !== data.focus) place.player.focus();
  place.focus = data.focus;
}

/** The link to what is shown, without what Streamlit reads of an embedded page. */
function ownLink() {
  const link = new URL(window.location.href);
  for (const name of [...link.searchParams.keys()]) if (name.startsWith("embed")) link.searchParams.delete(name);
  return link.href;
}

/** The Player takes all the room from where it stands down to the window's end. */
function fit({ root, height, embed }) {
  if (height) return root.style.setProperty("--player-height", height);
  const scroller = document.querySelector('[data-testid="stMain"]');
  const top = root.getBoundingClientRect().top + (scroller?.scrollTop ?? 0);
  const narrow = window.innerWidth <= 640 && !embed;
  root.style.setProperty("--player-height", narrow ? "auto" : `${Math.max(embed ? 150 : 300, Math.floor(window.innerHeight - top - 3))}px`);
}

function watchRoom(place) {
  const again = () => fit(place);
  again();
  if (place.room) return;
  place.room = new ResizeObserver(again);
  for (const selector of ["stHeader", "stMain", "stMainBlockContainer"]) {
    const element = document.querySelector(`[data-testid="${selector}"]`);
    if (element) place.room.observe(element);
  }
  window.addEventListener("resize", again);
  place.leave = () => (place.room.disconnect(), window.removeEventListener("resize", again));
}

// The controls are a drawer: whether it is open is the window's own affair, and no rerun.
const page = document.documentElement;

function openDrawer(scale) {
  const roomy = scale === 1 && window.innerWidth >= 1200 && !document.querySelector(".st-key-lecture");
  if (page.dataset.scale !== String(scale) || !page.dataset.drawer) page.dataset.drawer = roomy ? "open" : "closed";
  page.dataset.scale = scale;
}

function toggleDrawer() {
  page.dataset.drawer = page.dataset.drawer === "closed" ? "open" : "closed";
}

// --- keys from anywhere: a clicker has no idea of what has the focus ---------------------------------------------

let playing = null; // the place on the page that was mounted last

/** Whether keys are letters of a text that somebody writes. */
function writes(target) {
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  if (!(target instanceof HTMLInputElement)) return false;
  if (target.getAttribute("role") === "combobox") return target.getAttribute("aria-expanded") === "true";
  return !["range", "checkbox", "radio", "button", "file"].includes(target.type);
}

let asked = { index: 0, where: "", at: -Infinity }; // the cue that was asked for last; the page may not have it yet

function start(cues, index) {
  asked = { index, where: location.pathname, at: performance.now() };
  cues[index].click();
  return true;
}

let steps = Promise.resolve(); // of a lecture, one after the other

const stepKey = (by) => document.querySelector(`[class*="st-key-lecture-${by > 0 ? "next" : "before"}-"]`)?.className.match(/st-key-lecture-\w+-\d+/)[0];

const isRunning = () => document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "running";

async function waitFor(what, most) {
  for (let waited = 0; waited < most && !what(); waited += 50) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Press a lecture's button until another step is there: a press may go unheard while a script runs, so that one waits
 * for its end first. The button's key is its step's, so that a press too many is none. */
async function step(by, key = stepKey(by)) {
  for (let times = 0; times < 8 && key && stepKey(by) === key; times++) {
    await waitFor(() => !isRunning() || stepKey(by) !== key, 3000);
    if (stepKey(by) === key) document.querySelector(`.${key} button`)?.click();
    await waitFor(() => stepKey(by) !== key, 1500);
  }
  await waitFor(() => !isRunning(), 3000);
}

/** A lecture's next step (or the one before); else the next cue, after the last one the next page; false where there is neither. */
function turn(by) {
  if (stepKey(by)) return (steps = steps.then(() => step(by))), true;
  const cues = [...document.querySelectorAll(".st-key-cues button")];
  const underWay = asked.where === location.pathname && performance.now() - asked.at < 1500;
  const next = by + (underWay ? asked.index : cues.findIndex((button) => button.getAttribute("kind") === "primary"));
  if (cues[next]) return start(cues, next);
  const link = `.st-key-${by > 0 ? "next" : "before"}-page a`;
  if (!document.querySelector(link)) return false;
  leaveFor(link);
  return true;
}

/** Follow a link; one that is pressed while a script still runs may go unheard, and is pressed again. */
function leaveFor(link, from = location.pathname, times = 8) {
  if (location.pathname !== from || !times) return;
  document.querySelector(link)?.click();
  setTimeout(() => leaveFor(link, from, times - 1), 400);
}

function onKey(event) {
  const target = event.composedPath()[0];
  if (event.ctrlKey || event.metaKey || event.altKey || writes(target)) return;
  const done = () => (event.preventDefault(), event.stopImmediatePropagation());
  if (event.key === "PageDown" && playing?.player?.reveal()) return done();
  if (event.key === "PageDown" || event.key === "PageUp") return turn(event.key === "PageDown" ? 1 : -1) && done();
  if (/^[0-9]$/.test(event.key)) {
    const [cues, at] = [document.querySelectorAll(".st-key-cues button"), (Number(event.key) + 9) % 10]; // 0 is the tenth
    return cues[at] && start(cues, at) && done();
  }
  const { root, player } = playing ?? {};
  if (!player || root.contains(target) || event.key === "Escape") return; // what has the focus there, hears it itself
  const pressed = event.key === " " || event.key === "Enter";
  if ((pressed && target.closest?.("button, a, [role=button], input:is([type=checkbox], [type=radio])")) || (/^Arrow|Home|End/.test(event.key) && target instanceof HTMLInputElement)) return;
  if (player.key(event)) event.stopImmediatePropagation();
}

window.addEventListener("keydown", onKey, true);

// --- Back and Forward: from cue to cue ---------------------------------------------------------------------------

const SETTLES = 1500; // milliseconds until the link says what Back has led to
const push = history.pushState.bind(history);
let here = ""; // the page that is shown
let travelled = -Infinity;

/** The tab of the cue that a link names; a link that names none means the first. */
function tabOf(link) {
  const page = link.pathname.split("/").at(-1) || "map"; // which stands at the root
  const cue = new URLSearchParams(link.search).get(`${page}.cue`);
  return document.querySelector(cue ? `.st-key-${page}-cue-${cue} button` : ".st-key-cues button");
}

/** Only another cue or page is a step to come back to; what Streamlit writes while we travel, none. */
history.pushState = (state, title, url) => {
  const link = new URL(url ?? location, location);
  const stays = link.pathname === location.pathname && tabOf(link) && tabOf(link) === tabOf(location);
  if (stays || performance.now() - travelled < SETTLES) history.replaceState(state, title, url);
  else push(state, title, url);
};

/** Streamlit shows the page anew, with the cue that was on: press the one that the link names. */
window.addEventListener("popstate", () => {
  if (location.pathname !== here) return;
  travelled = performance.now();
  const tab = tabOf(location);
  if (tab?.getAttribute("kind") !== "primary") tab?.click();
});

export default function (component) {
  const { parentElement } = component;
  let place = mounted.get(parentElement);
  if (!place) {
    place = { root: parentElement.querySelector(".mount") };
    mounted.set(parentElement, place);
  }
  place.closed = false;
  playing = place;
  update(place, component).catch((why) => {
    place.root.textContent = "The Player could not be loaded. Reload the page.";
    place.modules = null;
    console.warn(why);
  });
  return () => {
    place.closed = true;
    if (playing === place) playing = null;
    place.leave?.();
    place.player?.close();
    mounted.delete(parentElement);
  };
}
