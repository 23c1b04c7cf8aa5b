// What is saved of a frame: the picture, and under it the words that belong to it.

/** The canvas with lines of words below, as wide as it is; each entry of `words` is {text, colour, bold}. */
export function withWords(canvas, words, look, font) {
  const sheet = document.createElement("canvas");
  const ctx = sheet.getContext("2d");
  const room = canvas.width - 2 * font;
  const style = (word) => (ctx.font = `${word.bold ? "600 " : ""}${font}px ${look.family}`);
  const lines = words.filter(({ text }) => text.trim()).flatMap((word) => {
    style(word);
    return wrap(ctx, word.text, room).map((text) => ({ ...word, text }));
  });
  const leading = 1.5 * font;
  Object.assign(sheet, { width: canvas.width, height: Math.ceil(canvas.height + (lines.length + 0.6) * leading) });
  ctx.fillStyle = look.colour("paper");
  ctx.fillRect(0, 0, sheet.width, sheet.height);
  ctx.drawImage(canvas, 0, 0);
  ctx.textBaseline = "middle";
  lines.forEach((line, k) => {
    style(line);
    ctx.fillStyle = look.colour(line.colour ?? "ink");
    ctx.fillText(line.text, font, canvas.height + (k + 0.6) * leading);
  });
  return sheet;
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
