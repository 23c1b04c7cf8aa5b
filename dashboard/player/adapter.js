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
  const { createPlayer, SocketSource } = await (place.modules ??= modules(data));
  if (place.closed || place.latest !== data) return;
  place.height = data.height;
  place.player ??= createPlayer(place.root, null, {
    onGone: () => place.onGone(), onDrop: (values) => place.onDrop(values), onDrawer: toggleDrawer, palette: data.palette, scale: data.scale,
  });
  openDrawer(data.scale);
  place.root.querySelector(".drawer").hidden = !document.querySelector(".st-key-controls");
  watchRoom(place);
  document.querySelector('.st-key-cues button[kind="primary"]')?.scrollIntoView({ block: "nearest", inline: "center" });
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

/** The Player takes all the room from where it stands down to the window's end. */
function fit({ root, height }) {
  if (height) return root.style.setProperty("--player-height", height);
  const scroller = document.querySelector('[data-testid="stMain"]');
  const top = root.getBoundingClientRect().top + (scroller?.scrollTop ?? 0);
  const narrow = window.innerWidth <= 640;
  root.style.setProperty("--player-height", narrow ? "auto" : `${Math.max(300, Math.floor(window.innerHeight - top - 6))}px`);
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
  const roomy = scale === 1 && window.innerWidth >= 1200;
  if (page.dataset.scale !== String(scale) || !page.dataset.drawer) page.dataset.drawer = roomy ? "open" : "closed";
  page.dataset.scale = scale;
}

function toggleDrawer() {
  page.dataset.drawer = page.dataset.drawer === "closed" ? "open" : "closed";
}

export default function (component) {
  const { parentElement } = component;
  let place = mounted.get(parentElement);
  if (!place) {
    place = { root: parentElement.querySelector(".mount") };
    mounted.set(parentElement, place);
  }
  place.closed = false;
  update(place, component).catch((why) => {
    place.root.textContent = "The Player could not be loaded. Reload the page.";
    place.modules = null;
    console.warn(why);
  });
  return () => {
    place.closed = true;
    place.leave?.();
    place.player?.close();
    mounted.delete(parentElement);
  };
}
