// Writes what a VideoEncoder gives as an MP4 file (ISO/IEC 14496-12; H.264 in it: 14496-15; VP9 in it:
// https://www.webmproject.org/vp9/mp4/): one track, every picture as long as the others.

const TIMESCALE = 90000; // ticks a second
const UNITY = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000]; // the matrix that turns nothing

export class Mp4 {
  constructor(width, height, seconds) {
    Object.assign(this, { width, height, ticks: Math.round(TIMESCALE * seconds) });
    this.chunks = []; // Uint8Arrays, in their order
    this.keys = []; // numbers, from 1, of the pictures that need no other
  }

  /** One picture, as the encoder gives it. */
  add(chunk, meta) {
    this.config ??= meta?.decoderConfig;
    const bytes = new Uint8Array(chunk.byteLength);
    chunk.copyTo(bytes);
    this.chunks.push(bytes);
    if (chunk.type === "key") this.keys.push(this.chunks.length);
  }

  file() {
    const size = this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const kind = box("ftyp", text("isom"), u32(0x200), text("isomiso2mp41"));
    const start = kind.length + this.index(0).length + 8; // where the first picture begins
    return new Blob([kind, this.index(start), u32(size + 8), text("mdat"), ...this.chunks], { type: "video/mp4" });
  }

  /** The box that says what there is and where. */
  index(start) {
    const { width, height, ticks, chunks, keys } = this;
    const length = ticks * chunks.length;
    const samples = box("stbl",
      full("stsd", 0, u32(1), this.codec()),
      full("stts", 0, u32(1, chunks.length, ticks)),
      full("stss", 0, u32(keys.length, ...keys)),
      full("stsc", 0, u32(1, 1, chunks.length, 1)),
      full("stsz", 0, u32(0, chunks.length, ...chunks.map((chunk) => chunk.length))),
      full("stco", 0, u32(1, start)));
    const media = box("mdia",
      full("mdhd", 0, u32(0, 0, TIMESCALE, length), u16(0x55c4, 0)), // its language: undetermined
      full("hdlr", 0, u32(0), text("vide"), u32(0, 0, 0), text("film\0")),
      box("minf", full("vmhd", 1, u16(0, 0, 0, 0)), box("dinf", full("dref", 0, u32(1), full("url ", 1))), samples));
    const track = box("trak",
      full("tkhd", 3, u32(0, 0, 1, 0, length, 0, 0), u16(0, 0, 0, 0), u32(...UNITY), u32(width * 0x10000, height * 0x10000)),
      media);
    return box("moov", full("mvhd", 0, u32(0, 0, TIMESCALE, length, 0x10000), u16(0x100, 0), u32(0, 0), u32(...UNITY), u32(0, 0, 0, 0, 0, 0, 2)), track);
  }

  codec() {
    const { width, height, config } = this;
    const avc = config.codec.startsWith("avc");
    const picture = [u32(0), u16(0, 1), u32(0, 0, 0, 0), u16(width, height), u32(0x480000, 0x480000, 0), u16(1), new Uint8Array(32), u16(24, 0xffff)];
    return box(avc ? "avc1" : "vp09", ...picture, avc ? box("avcC", bytesOf(config.description)) : this.vp9(), this.colours());
  }

  /** Profile, level and bit depth stand in the codec's name: vp09.00.51.08. */
  vp9() {
    const [profile, level, depth] = this.config.codec.split(".").slice(1).map(Number);
    const whole = Number(this.config.colorSpace?.fullRange ?? false);
    return full("vpcC", 0x1000000, Uint8Array.of(profile, level, (depth << 4) | (1 << 1) | whole, ...codePoints(this.config.colorSpace), 0, 0));
  }

  colours() {
    const space = this.config.colorSpace;
    if (!space?.matrix) return new Uint8Array(0);
    return box("colr", text("nclx"), u16(...codePoints(space)), Uint8Array.of(space.fullRange ? 0x80 : 0));
  }
}

/** Primaries, transfer and matrix by ITU-T H.273; 2 is "unspecified". */
function codePoints({ primaries, transfer, matrix } = {}) {
  const of = (names, name) => names[name] ?? 2;
  return [
    of({ bt709: 1, bt470bg: 5, smpte170m: 6 }, primaries),
    of({ bt709: 1, smpte170m: 6, "iec61966-2-1": 13 }, transfer),
    of({ rgb: 0, bt709: 1, bt470bg: 5, smpte170m: 6 }, matrix),
  ];
}

// --- bytes, the highest first ---------------------------------------------------------------------------------

function u32(...values) {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, k) => view.setUint32(4 * k, value));
  return new Uint8Array(view.buffer);
}

function u16(...values) {
  return Uint8Array.from(values.flatMap((value) => [value >> 8, value & 255]));
}

const text = (letters) => Uint8Array.from(letters, (letter) => letter.charCodeAt(0));

function bytesOf(source) {
  return ArrayBuffer.isView(source) ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : new Uint8Array(source);
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) whole.set(part, at), (at += part.length);
  return whole;
}

const box = (name, ...parts) => joined([u32(8 + parts.reduce((sum, part) => sum + part.length, 0)), text(name), ...parts]);

/** A box with a version (its highest byte) and flags. */
const full = (name, flags, ...parts) => box(name, u32(flags), ...parts);
