"""Codes: can a picture be written in 49 words?"""

from dashboard import lesson
from dashboard.lesson import Page
from dashboard.scenes.codes import CONCEPT, live, pretend, snap, words, write
from genmodels.vq.prior import WordsPrior
from genmodels.vq.runtime import CodeBook, ForwardVQ

page = Page(CONCEPT)


@page.cue("Snap", "**Drag z_e.** The output stands still, then it jumps.")
def show_snap() -> None:
    """The nearest code of a book."""
    page.predict(
        "Only the number of the nearest code is passed on. z_e moves a little, within its cell: what does the output "
        "do?",
        ["It moves a little", "Nothing at all", "It jumps to another code"],
        "Nothing at all",
        "The decoder is given the code, and within a cell that is the same code. So the true gradient of the loss "
        "for z_e is 0, and no encoder could learn by it.",
    )
    page.stage(snap.Config, snap.scene, code=snap.code, after_drag=snap.after_drag)
    lesson.notice(
        "Drag **z_e** over a border: its number k changes, and the output jumps. Drag **x**, the datum: k stays.",
        "*The stair*: the loss as z₁ goes along the dashed line. Each tread is level, so the true gradient is 0; at "
        "a border there is none.",
        "*Straight-through*: the gradient that stands at the code is copied to z_e, unchanged. The slope drawn at "
        "the stair is that copy. It is the gradient of nothing: it pretends that z_e moves the output.",
        "Whether a step that way helps is not promised: the caption says where it ends.",
    )
    lesson.formula(
        "Look up, and copy the gradient",
        r"k=\arg\min_j\|z_e-e_j\|^2,\qquad \hat x=g(e_k),\qquad \frac{\partial L}{\partial z_e}"
        r"\;:=\;\frac{\partial L}{\partial e_k}",
        "z_e = f(x) is what the encoder says, e_j are the codes of the book, g is the decoder. The last is no "
        "equation but a decision. One of K codes is a word of log₂ K bits.",
    )
    page.source(CodeBook.squared_distances, CodeBook.nearest)


@page.cue("Pretend", "**A gradient that pretends.** Where does it lead, and what calls z_e back?")
def show_pretend() -> None:
    """Descent by the copied gradient, and commitment."""
    page.predict(
        "z_e has come to the cell whose output is nearest to x. It follows the copied gradient: does it stop?",
        ["Yes: the loss cannot fall any more", "No: it goes on all the same", "It turns back to its code"],
        "No: it goes on all the same",
        "The copy is the gradient at the code, and that is 0 only where, to first order, no move of the code would "
        "change the loss. Within the cell it is the same everywhere: a constant push.",
    )
    page.stage(pretend.Config, pretend.scene, code=pretend.code, after_drag=pretend.after_drag)
    lesson.notice(
        "In each cell z_e goes straight ahead: the push is that of the code, wherever in the cell z_e is.",
        "With β = 0 nothing ties z_e to its code. Raise **β**: the further away, the stronger it is pulled back.",
        "Here codes and decoder stand still, to see the one thing. In training all three move.",
    )
    lesson.formula(
        "Three terms, each for another",
        r"L=\|x-\hat x\|^2+\|\mathrm{sg}[z_e]-e_k\|^2+\beta\,\|z_e-\mathrm{sg}[e_k]\|^2,\qquad "
        r"z_e\leftarrow z_e-\eta\Big(\frac{\partial\|x-\hat x\|^2}{\partial e_k}+2\beta\,(z_e-e_k)\Big)",
        "sg passes its argument on and no gradient. The first term teaches the decoder, and the encoder by the copy; "
        "the second draws the code to z_e; the third, commitment, draws z_e to the code.",
    )
    page.source(CodeBook.nearest)


@page.cue("Live", "**Trained before your eyes.** Which codes are used, and which are dead?")
def show_live() -> None:
    """In front of the class."""
    page.predict(
        "The same book, the same data. The minibatch becomes smaller: what happens to its perplexity?",
        ["It stays: it belongs to the book", "On average it is lower", "On average it is higher"],
        "On average it is lower",
        "n words have at most n different codes, and the entropy is concave: the mean of the minibatches' entropies, "
        "the logarithms of their perplexities, is at most that of all their words. So a perplexity means nothing "
        "without the number of words.",
    )
    page.stage(live.Config, live.scenes, code=live.code, rate=30)
    lesson.notice(
        "*Left*: each cell's colour is its share of all words; white is none. Codes are drawn to what is looked up "
        "there; where nothing is, nothing teaches a code: it is *dead*, and grey.",
        "*Restart* puts a dead code where some z_e of the minibatch is. *EMA*: each code is a running mean of what "
        "is looked up there, K-means while the encoder moves.",
        "Dead means: a running mean of its share, over some 100 steps, is below a tenth of 1/K. A code can be dead "
        "and still be used by some datum, or be alive and not be used by this minibatch.",
        "*Digits*: 16 words each, all from one book. Points have one word each.",
    )
    lesson.formula(
        "How much of the book is used",
        r"p_k=\text{share of words that are }k,\qquad \text{perplexity}=\exp\Big(-\sum_kp_k\log p_k\Big),\qquad "
        r"1\le\text{perplexity}\le\text{used}\le K",
    )
    page.source(*live.steps())


@page.cue("49 words", "**A picture in 294 bits.** Swap a word by hand.")
def show_words() -> None:
    """A digit as numbers of codes."""
    config = page.stage(words.Config, words.scene, code=words.code, needs=words.NEEDS, after_drag=words.after_drag)
    lesson.notice(
        "Click a **place** among the numbers, then a **code** in the book, or drag over them: the picture is decoded "
        "from the words as they then are. A code's picture in the book is the mean of what stood there in training "
        "digits, three words wide.",
        "A word is heard up to two and a half words away, so that the same code may look different among others.",
        "*Rounded*: an autoencoder of the same layers that has three numbers a place, each rounded to four levels: "
        "4³ = 64, as many bits.",
        *(words.sentences() if page.shown else ()),
    )
    if page.shown:
        page.challenge(
            "change its mind",
            "Swap words until the classifier takes the picture for another digit than before.",
            "words swapped (49 while it does not)",
            lambda: words.needed(config),
            words.GOAL,
            "",
        )
    page.source(ForwardVQ.words, ForwardVQ.decode_words)


@page.cue("A prior writes", "**Word by word.** What makes new pictures of a code book?")
def show_write() -> None:
    """An autoregressive model of the words."""
    page.predict(
        "Each of the 49 words is drawn by itself, as often as it stands at its place. How do such pictures look?",
        ["Like digits: each word is right for its place", "Like pieces that do not fit together", "Like noise"],
        "Like pieces that do not fit together",
        lambda: write.sentences()[1] if page.ready(*write.NEEDS) else "",
    )
    page.stage(write.Config, write.scene, code=write.code, needs=write.NEEDS)
    lesson.notice(
        "The prior is the transformer of the page *One after another*, of numbers instead of letters: 49 words "
        "instead of 784 pixels. It was trained after the book, which stands still.",
        *(write.sentences() if page.shown else ()),
        "The lower the **temperature**, the more often the likeliest word is drawn. Give it **rows** of a test "
        "digit: it writes the rest.",
        "What is not written yet is grey; the decoder hears the commonest code there.",
    )
    lesson.formula(
        "A picture's probability",
        r"\log p(k)=\sum_{i=1}^{49}\log p(k_i\mid k_1\ldots k_{i-1}),\qquad x=g(e_{k_1},\ldots,e_{k_{49}})",
        "The price stands at temperature 1, whatever is drawn from.",
    )
    page.source(WordsPrior.write, WordsPrior.log_next)


page.run(
    "A. van den Oord, O. Vinyals & K. Kavukcuoglu (2017), *Neural discrete representation learning*.",
    "Y. Bengio, N. Léonard & A. Courville (2013), *Estimating or propagating gradients through stochastic neurons*.",
    "P. Dhariwal et al. (2020), *Jukebox* (restarts). F. Mentzer, D. Minnen, E. Agustsson & M. Tschannen (2023), "
    "*Finite scalar quantization* (rounding).",
)
