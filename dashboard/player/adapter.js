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
  place.root.style.setProperty("--player-height", data.height);
  place.player ??= createPlayer(place.root, null, { onGone: () => place.onGone(), onDrop: (values) => place.onDrop(values), palette: data.palette, scale: data.scale });
  place.player.setTheme(data.palette, data.scale);
  place.player.name = data.name;
  if (place.run !== data.run) {
    const fresh = place.scene !== data.scene;
    Object.assign(place, { run: data.run, scene: data.scene });
    place.root.dataset.run = data.run;
    place.player.load(new SocketSource(socketUrl(data)), { fresh });
  }
  if (data.focus && place.focus !== data.focus) place.player.focus();
  place.focus = data.focus;
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
    place.player?.close();
    mounted.delete(parentElement);
  };
}
