// What is saved of a frame: the picture, and under it the words that belong to it.

/** The canvas with lines of words below, as wide as it is, and room for at least `least` lines; drawn on `sheet`. */
export function withWords(canvas, words, look, font, least = 0, sheet = document.createElement("canvas")) {
  const ctx = sheet.getContext("2d");
  const lines = linesOf(words, look, font, canvas.width);
  const leading = 1.5 * font;
  const size = { width: canvas.width, height: Math.ceil(canvas.height + (Math.max(lines.length, least) + 0.6) * leading) };
  if (sheet.width !== size.width || sheet.height !== size.height) Object.assign(sheet, size);
  ctx.fillStyle = look.colour("paper");
  ctx.fillRect(0, 0, sheet.width, sheet.height);
  ctx.drawImage(canvas, 0, 0);
  ctx.textBaseline = "middle";
  lines.forEach((line, k) => {
    ctx.font = fontOf(line, look, font);
    ctx.fillStyle = look.colour(line.colour ?? "ink");
    ctx.fillText(line.text, font, canvas.height + (k + 0.6) * leading);
  });
  return sheet;
}

const ruler = document.createElement("canvas").getContext("2d");
const fontOf = (word, look, font) => `${word.bold ? "600 " : ""}${font}px ${look.family}`;

/** The words, broken into lines that fit a picture of this width; each entry of `words` is {text, colour, bold}. */
export function linesOf(words, look, font, width) {
  return words.filter(({ text }) => text.trim()).flatMap((word) => {
    ruler.font = fontOf(word, look, font);
    return wrap(ruler, word.text, width - 2 * font).map((text) => ({ ...word, text }));
  });
}

/** Lines no wider than the room; broken between words. */
function wrap(ctx, text, room) {
  const lines = [""];
  for (const word of text.split(/ +/)) {
    const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
    if (lines.at(-1) && ctx.measureText(longer).width > room) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}
