// Reads a safetensors blob by the format's own rules: 8 bytes of header length (little endian), a JSON header
// that gives each array's type, shape and byte range, then the raw arrays.
// https://github.com/safetensors/safetensors#format

const TYPES = { F64: Float64Array, F32: Float32Array, I32: Int32Array, U8: Uint8Array };

/** @returns {{arrays: Map<string, {data: TypedArray, shape: number[]}>, message: object}} */
export function readBlob(buffer) {
  if (buffer.byteLength < 8) throw new Error("the recording is cut short");
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const start = 8 + length;
  if (start > buffer.byteLength) throw new Error("the recording is cut short");
  let header;
  try {
    header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  } catch {
    throw new Error("the recording's header cannot be read");
  }
  if (typeof header !== "object" || !header) throw new Error("the recording's header cannot be read");
  const arrays = new Map();
  for (const [name, info] of Object.entries(header)) {
    if (name !== "__metadata__") arrays.set(name, readArray(buffer, start, name, info));
  }
  return { arrays, message: JSON.parse(header.__metadata__?.message ?? "{}") };
}

function readArray(buffer, start, name, { dtype, shape, data_offsets: [from, to] }) {
  const Type = TYPES[dtype];
  if (!Type) throw new Error(`the recording holds an array of the unknown type ${dtype}`);
  const size = shape.reduce((a, b) => a * b, 1);
  if (start + to > buffer.byteLength || to - from !== size * Type.BYTES_PER_ELEMENT) {
    throw new Error(`the recording is damaged at ${name}`);
  }
  return { data: new Type(buffer.slice(start + from, start + to)), shape };
}
