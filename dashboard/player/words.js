// Words on the page, from text with a little Markdown in it; never from HTML.

/** Text nodes, with **strong** and *emphasised* parts as elements. */
export function marked(text) {
  return text.split(/(\*\*.+?\*\*|\*.+?\*)/).map((part) => {
    const marks = /^(\*+)(.+?)\*+$/.exec(part);
    if (!marks) return document.createTextNode(part);
    return make(marks[1].length > 1 ? "strong" : "em", {}, marks[2]);
  });
}

/** An element with these attributes (those that are undefined left out) and what stands in it. */
export function make(tag, attributes = {}, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  element.append(...inside);
  return element;
}
