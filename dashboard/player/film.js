// A run, or a part of it, as a film: each picture is drawn on a canvas of its own, as the Player draws it, with its
// words below. The browser encodes them as MP4; or they are handed to whoever makes a GIF of them.

import { Mp4 } from "./mp4.js";
import { linesOf, withWords } from "./picture.js";
import { Recording } from "./recording.js";

export const FILM = { fastest: 30, most: 1800, width: 1920 }; // pictures a second, pictures in all, pixels
export const GIF = { fastest: 100 / 7, most: 150, width: 720, unit: 0.01 }; // a GIF counts in hundredths of a second
const CODECS = ["avc1.42e033", "avc1.640033", "vp09.00.51.08"]; // H.264 for slides; VP9 where a browser lacks it
const SECONDS_BETWEEN_KEYS = 2;

/** Which frames a film of `count` frames shows, and how many seconds each picture stays.
 *
 * At most `fastest` pictures a second and `most` in all: of more frames, evenly spaced ones are taken. */
export function schedule(count, framesPerSecond, { fastest, most, unit = 0 }) {
  const round = (seconds) => (unit ? Math.max(1, Math.round(seconds / unit)) * unit : seconds);
  const seconds = round(1 / Math.min(framesPerSecond, fastest));
  const stride = Math.max(1, framesPerSecond > fastest ? framesPerSecond * seconds : 1, count / most);
  const indices = Array.from({ length: Math.ceil(count / stride - 1e-9) }, (_, k) => Math.min(count - 1, Math.floor(k * stride + 1e-9)));
  return { indices, seconds, thinned: count / most > 1 };
}

/** The Player as it is now, on a canvas of its own: what happens on the page meanwhile does not reach it. */
export class Still {
  constructor(player) {
    player.drawNow();
    const { recording, canvas, views, look, backdrop, hidden, ui } = player;
    const { steps, frames } = recording;
    const copy = document.createElement("canvas");
    Object.assign(copy, { width: canvas.width, height: canvas.height });
    this.player = Object.assign(Object.create(player), {
      recording: Object.assign(new Recording(), recording, { steps: [...steps], frames: [...frames], cache: new Map() }),
      canvas: copy, ctx: copy.getContext("2d"), views, look, backdrop, hidden: new Set(hidden), drag: { answer: player.drag.answer },
    });
    this.equation = !ui.equation.hidden;
  }

  /** The canvas with the words of this frame below, with room for at least so many lines. */
  sheet(index = this.player.index, lines = 0) {
    const { player } = this;
    if (index !== player.index) Object.assign(player, { index, drag: { answer: null } });
    player.paint();
    return (this.drawn = withWords(player.canvas, this.words(), player.look, this.font, lines, this.drawn));
  }

  get font() {
    return this.player.font * this.player.look.density;
  }

  words() {
    const { player } = this;
    const { numbers, caption, equation } = player.words();
    const time = { name: player.recording.layout.time, text: String(player.stepShown) };
    return [
      { text: caption, bold: true },
      { text: [time, ...numbers].map(({ name, text }) => `${name} ${text}`).join("  ·  ") },
      { text: this.equation ? equation : "" },
      { text: player.name, colour: "axis" },
    ];
  }

  /** The most lines that the words of any of these frames take: a film has one size. */
  lines(indices) {
    const { player } = this;
    const counts = indices.map((index) => {
      Object.assign(player, { index, drag: { answer: null } });
      return linesOf(this.words(), player.look, this.font, player.canvas.width).length;
    });
    return Math.max(...counts);
  }
}

/** The pictures of a film one after the other, as canvases of one even size; between two of them the page has its turn. */
export async function* pictures(still, indices, width, signal) {
  const lines = still.lines(indices);
  const canvas = document.createElement("canvas");
  const ctx = canvas.getContext("2d", { willReadFrequently: true });
  for (const index of indices) {
    await turn();
    signal.throwIfAborted();
    const sheet = still.sheet(index, lines);
    if (index === indices[0]) {
      const scale = Math.min(1, width / sheet.width);
      Object.assign(canvas, { width: even(scale * sheet.width), height: even(scale * sheet.height) });
    }
    ctx.imageSmoothingQuality = "high";
    ctx.drawImage(sheet, 0, 0, canvas.width, canvas.height);
    yield canvas;
  }
}

const even = (length) => 2 * Math.round(length / 2);

/** Until the browser has done what waits; unlike a timer, it is not slowed down in a hidden tab. */
function turn() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => (port1.close(), resolve());
    port2.postMessage(0);
  });
}

/** An encoder's settings that this browser has for a film of this size, or null. */
export async function settings(width, height, framerate) {
  if (typeof VideoEncoder === "undefined") return null;
  const bitrate = Math.round(Math.max(1e6, 0.16 * width * height * framerate));
  for (const codec of CODECS) {
    const wanted = { codec, width, height, framerate, bitrate, ...(codec.startsWith("avc") ? { avc: { format: "avc" } } : {}) };
    const { supported } = await VideoEncoder.isConfigSupported(wanted).catch(() => ({}));
    if (supported) return wanted;
  }
  return null;
}

export const NO_ENCODER = "This browser cannot make a film; save it as GIF, or open the page in a recent Chrome, Edge, Firefox or Safari.";

/** A film as an MP4 file.
 *
 * @param shown {indices, seconds}: which frames, and how long each picture stays
 * @param told is called with the number of pictures done */
export async function mp4(still, { indices, seconds }, signal, told) {
  let encoder, muxer, failed;
  let k = 0;
  try {
    for await (const canvas of pictures(still, indices, FILM.width, signal)) {
      if (!encoder) {
        const wanted = await settings(canvas.width, canvas.height, 1 / seconds);
        if (!wanted) throw new Error(NO_ENCODER);
        muxer = new Mp4(canvas.width, canvas.height, seconds);
        encoder = new VideoEncoder({ output: (chunk, meta) => muxer.add(chunk, meta), error: (why) => (failed = why) });
        encoder.configure(wanted);
      }
      const frame = new VideoFrame(canvas, { timestamp: Math.round(1e6 * k * seconds), duration: Math.round(1e6 * seconds) });
      encoder.encode(frame, { keyFrame: k % Math.max(1, Math.round(SECONDS_BETWEEN_KEYS / seconds)) === 0 });
      frame.close();
      while (encoder.encodeQueueSize > 4 && !failed) await turn();
      if (failed) throw failed;
      told(++k);
    }
    await encoder.flush();
    if (failed) throw failed;
    return muxer.file();
  } finally {
    if (encoder && encoder.state !== "closed") encoder.close();
  }
}

/** The pictures of a GIF as one body: a line of JSON that says how long each stays and how many bytes it has, then PNGs. */
export async function gifPictures(still, { indices, seconds }, signal, told) {
  const blobs = [];
  for await (const canvas of pictures(still, indices, GIF.width, signal)) {
    blobs.push(await new Promise((resolve) => canvas.toBlob(resolve, "image/png")));
    told(blobs.length);
  }
  const head = { milliseconds: Math.round(1000 * seconds), sizes: blobs.map((blob) => blob.size) };
  return new Blob([`${JSON.stringify(head)}\n`, ...blobs]);
}
