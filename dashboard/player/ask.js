// A question before the picture: it waits, paused and covered, until somebody answers or asks to be shown. Beside each
// answer the hands of a class can be counted; they are drawn as bars when the picture is shown, and not before.

import { make, marked } from "./words.js";

const KEYS = "abcde";
const votes = new Map(); // question -> hands by answer, as written; what has been asked in this window is not asked again

export class Question {
  /** @param player gives root, ui {ask, result, question}, hold() and start(): the picture at its first frame, and playing */
  constructor(player) {
    this.player = player;
    this.open = false;
    player.ui.question.onclick = () => this.show();
  }

  /**
   * What is to be asked of the picture that comes, or null; asked at once, unless it has been before.
   * @param asked {question, answers, right, because}; answers may be none.
   * @param where tells equal questions of two pictures apart.
   */
  put(asked, where) {
    const name = asked && JSON.stringify([where, asked.question, asked.answers]);
    this.asked = asked;
    if (name === (this.name ?? null)) return;
    Object.assign(this, { name, hands: votes.get(name) ?? asked?.answers.map(() => "") });
    this.close();
    this.dismiss();
    this.player.ui.question.hidden = !asked;
    if (asked && !votes.has(name)) this.show();
  }

  show() {
    this.dismiss();
    this.open = true;
    const { root, ui } = this.player;
    root.dataset.asking = true;
    ui.ask.replaceChildren(this.card());
    ui.ask.hidden = false;
    ui.ask.setAttribute("aria-label", this.asked.question);
    this.player.hold();
    if (document.activeElement === document.body || holdsFocus(root)) this.focus();
  }

  focus() {
    this.player.ui.ask.focus({ preventScroll: true });
  }

  card() {
    const { question, answers } = this.asked;
    const later = button("later", "×", () => this.leave());
    later.setAttribute("aria-label", "Close without an answer");
    const list = make("ul", { class: "answers" }, ...answers.map((answer, k) => this.row(answer, k)));
    const show = button("show", "Show", () => this.reveal(), shortcut("Enter"));
    return make("div", { class: "card" }, later, make("p", { class: "asked" }, ...marked(question)), ...(answers.length ? [list] : []), show);
  }

  row(answer, k) {
    const choose = button("answer", "", () => this.reveal(k), shortcut(KEYS[k]), make("span", {}, ...marked(answer)));
    const hands = make("input", { type: "text", inputmode: "numeric", maxlength: 4, autocomplete: "off", "aria-label": `Hands for: ${answer}` });
    hands.value = this.hands[k];
    hands.oninput = () => (this.hands[k] = hands.value = hands.value.replace(/\D/g, ""));
    hands.onkeydown = (event) => this.write(event, hands);
    return make("li", {}, choose, make("label", { class: "hands" }, hands, "hands"));
  }

  /** Keys in a field are its own: Enter goes on to the next one, and shows nothing yet. */
  write(event, field) {
    if (event.key === "Escape") return;
    event.stopPropagation();
    if (event.key === "PageDown") this.reveal();
    else if (event.key === "Enter") {
      const stops = [...this.player.ui.ask.querySelectorAll("input, .show")];
      stops[stops.indexOf(field) + 1].focus();
    } else return;
    event.preventDefault();
  }

  /** Whether the key was for the question that is open. */
  key(event) {
    if (!this.open || "fk".includes(event.key.toLowerCase())) return false;
    const { key, target } = event;
    const pressed = key === " " || key === "Enter";
    const answer = key.length === 1 ? KEYS.indexOf(key.toLowerCase()) : -1;
    if (pressed && target instanceof HTMLButtonElement) return true; // the browser presses it
    if (pressed) this.reveal();
    else if (key === "Escape") this.leave();
    else if (answer >= 0 && answer < this.asked.answers.length) this.reveal(answer);
    else return /^(Arrow|Home|End)/.test(key) || /^[a-z,.;?]$/i.test(key);
    event.preventDefault();
    return true;
  }

  /** Show the picture, and what is right; false where nothing was asked. */
  reveal(chosen) {
    if (!this.open) return false;
    this.leave();
    this.tell(chosen);
    return true;
  }

  /** Show the picture; the question stays unanswered. */
  leave() {
    votes.set(this.name, this.hands);
    this.close();
    this.player.start();
  }

  close() {
    const { root, ui } = this.player;
    const held = holdsFocus(ui.ask);
    this.open = false;
    ui.ask.hidden = true;
    delete root.dataset.asking;
    if (held) root.focus({ preventScroll: true });
  }

  /** Bars of the votes, the right answer, and why. */
  tell(chosen) {
    const { answers, right, because } = this.asked;
    const counts = this.hands.map(Number);
    const all = counts.reduce((sum, count) => sum + count, 0);
    const said = chosen === undefined ? "" : answers[chosen] === right ? "Yes. " : "Not quite. ";
    const lines = all ? [make("ul", {}, ...answers.map((answer, k) => bar(answer, counts[k], all, answer === right)))] : [];
    const words = [...(said ? [make("strong", {}, said)] : []), ...(right && !all ? [make("strong", {}, ...marked(right)), ". "] : []), ...marked(because)];
    if (words.some((part) => part.textContent ?? part)) lines.push(make("p", {}, ...words));
    if (!lines.length) return;
    const close = button("shut", "×", () => this.dismiss());
    close.setAttribute("aria-label", "Close the answer");
    this.player.ui.result.replaceChildren(make("div", {}, ...lines), close);
    this.player.ui.result.hidden = false;
  }

  /** Take the answer away. */
  dismiss() {
    const { root, ui } = this.player;
    const held = holdsFocus(ui.result);
    ui.result.hidden = true;
    ui.result.replaceChildren();
    if (held) root.focus({ preventScroll: true });
  }
}

/** One answer and its votes: their share as a bar, their number and share in words. */
function bar(answer, count, all, right) {
  const share = (100 * count) / all;
  const mark = right ? [make("b", { role: "img", "aria-label": "Right: " }, "✓ ")] : [];
  return make("li", { "data-right": right || undefined },
    make("i", { style: `width: ${share}%` }),
    make("span", {}, ...mark, ...marked(answer)),
    make("span", { class: "votes" }, `${count} of ${all}, ${Math.round(share)} %`));
}

function button(name, text, action, ...inside) {
  const element = make("button", { type: "button", class: name }, text, ...inside);
  element.onclick = action;
  return element;
}

/** A key as it is seen beside what it does; a screen reader need not say it with every button. */
const shortcut = (key) => make("kbd", { "aria-hidden": "true" }, key);

const holdsFocus = (element) => element.contains(element.getRootNode().activeElement);
