"""Autoregressive models: can one guess the next letter, and get Shakespeare?"""

from dataclasses import replace

import streamlit as st

from dashboard import lesson
from dashboard.lesson import Page
from dashboard.scenes.autoregressive import (
    CONCEPT,
    attention,
    count,
    learn,
    live,
    memory,
    pixels,
    sound,
    table,
    write,
)
from genmodels.ngram import NGram, iterate_ngram
from genmodels.pixel_ar.runtime import iterate_pixels
from genmodels.sampling import SamplingConfig, iterate_text, nucleus
from genmodels.transformer.runtime import TransformerRuntime
from genmodels.wavenet.runtime import ForwardWaveNet

page = Page(CONCEPT)


@page.cue("Count", "**Count pairs.** How often does b follow a? That table is a model already, and it writes names.")
def show_count() -> None:
    """A table of pairs."""
    page.predict(
        "Two of these names are real, one was invented by a table of letter pairs: which?", *count.quiz(page.seed)
    )
    page.stage(count.Config, count.scene, code=count.code, after_drag=count.after_drag)
    lesson.notice(
        "Drag through the table: the row under the hand stands beside it as bars. Its 27 numbers sum to 1: the end "
        "sign (.) is one of them.",
        "Each frame writes its eight names with the same random numbers, so that only the counts differ.",
        f"With α = 0, what was never read is *impossible*: {count.impossible()} of the 517 held-out names hold "
        "such a pair, and one of them makes the loss infinite. Any α > 0 makes it finite: each pair counts as if "
        "seen α times more.",
        "*It writes names*: a letter is drawn, then the next from the row of that letter. Nothing further back "
        "counts, so it does not know how long a name is already.",
    )
    lesson.formula(
        "The chain rule, with a memory of one letter",
        r"p(x_1,\dots,x_T)=\prod_{t}p(x_t\mid x_1,\dots,x_{t-1})\approx\prod_{t}p(x_t\mid x_{t-1}),\qquad "
        r"p(b\mid a)=\frac{c(ab)+\alpha}{c(a)+27\,\alpha}",
        "The first equation holds for every distribution: that is why all of these models can be written so. The "
        "second is the model: a Markov chain.",
    )
    page.source(iterate_ngram, NGram.table)


@page.cue("Memory", "**How far to look back?** More letters of memory, and fewer pieces that were ever seen.")
def show_memory() -> None:
    """n from 1 to 6."""
    config = page.stage(memory.Config, memory.scene, code=memory.code, needs=memory.needs)
    lesson.notice(
        *(memory.sentences(config) if page.shown else ()),
        "Read the text that each n writes: first the right letters, then right pairs, then words.",
        "A table of n letters has Vⁿ entries: of 65 letters, 75 billion for n = 6. The text has a million letters, "
        "so nearly all entries stay 0.",
    )
    lesson.formula(
        "Back-off (interpolated Kneser-Ney)",
        r"p_n(w\mid h)=\frac{\max(c(hw)-D,\,0)}{c(h)}+\frac{D\,k(h)}{c(h)}\;p_{n-1}(w\mid h')",
        "A discount D is taken off every count, and what it frees is given to the memory h′ that is one letter "
        "shorter; k(h) is how many different letters followed h.",
    )
    page.source(NGram.log_probs, NGram._kneser_ney)


@page.cue(
    "Write", "**Go on from a prompt.** The model gives probabilities; how one draws from them is another matter."
)
def show_write() -> None:
    """Shakespeare, letter by letter."""
    page.predict(
        "T → 0: the most probable letter every time. What becomes of Σ log p of the text?",
        [
            "It goes to −∞",
            "Each step is as high as can be, the sum need not be",
            "It is the highest that any text has",
        ],
        "Each step is as high as can be, the sum need not be",
        "After the text so far, no letter has a higher log p than the one that T = 0 takes. But a less probable "
        "one may lead to a more probable text (beam search looks for it). And a probable text need not be good.",
    )
    config = page.stage(write.Config, write.scene, code=write.code, needs=(write.NAME,), after_drag=write.after_drag)
    lesson.notice(
        "Take hold of the cuts on the bars: left and right for *top-k* (at the right edge all 65 may be drawn), up "
        "and down for *top-p*: letters are taken until their sum reaches the dashed line.",
        "Try T = 0 and T = 2. *Repeated*: pieces of six letters that stood there before, beside the mean of 100 "
        "passages by Shakespeare as long. *Words unknown*: those that the training text lacks, beside their share in "
        "unread Shakespeare, rare words and names.",
        *(write.sentences() if page.shown else ()),
        "Σ log p and the colours are the model's own, at T = 1 and without cuts, however the letters were drawn.",
    )
    lesson.formula(
        "Temperature, top-k, top-p",
        r"p_T(v)\propto p(v)^{1/T},\qquad K=\{k\text{ most probable}\},\qquad "
        r"N=\text{the fewest with }\textstyle\sum_{v\in N}p_T(v)\ge P",
        "In this order, each on what the one before has left, renormalised.",
    )
    if page.shown:
        page.challenge(
            "speak its mind",
            "Type a prompt of 20 letters or more that surprises the model as little as you can.",
            "surprise of the prompt after its first letter (∞ if it is too short)",
            lambda: write.prompt_surprise(config),
            0.5,
            "nats a letter",
        )
    page.source(iterate_text, SamplingConfig.log_p, nucleus, TransformerRuntime.hear)


@page.cue("Attention", "**What does it look at?** Drag the letter; then cut an edge.")
def show_attention() -> None:
    """What a head looks at."""
    page.predict(
        f"The copier has read “{attention.EXAMPLE}”. Cut the edge to the letter that the last one looks at most: "
        "which next letter loses the most probability?",
        ["J", "R", "e", "␣"],
        "e",
        attention.because,
    )
    page.stage(
        attention.Config,
        attention.scene,
        code=attention.code,
        needs=("copier", "shakespeare"),
        after_drag=attention.after_drag,
    )
    lesson.notice(
        "Drag the letter that looks: the thicker an arc, the larger the weight. The table has all letters at once; "
        "each looks at itself and to the left, never ahead.",
        "Drag the knob in the table to cut another edge. Next letters are sorted by what the cut takes from their "
        "log p, the most harmed first; beside them, each edge cut by itself: weight and effect are two things.",
        *(attention.sentences() if page.shown else ()),
    )
    lesson.formula(
        "One head",
        r"a_{ij}=\frac{\exp(q_i\cdot k_j/\sqrt{d/H})}{\sum_{j'\le i}\exp(q_i\cdot k_{j'}/\sqrt{d/H})},\qquad"
        r"\text{head}_i=\sum_{j\le i}a_{ij}v_j",
        "An edge is cut before the softmax, so that the weights of the others grow to sum to 1 again; everything "
        "after it is computed anew.",
    )
    page.source(TransformerRuntime.scores, TransformerRuntime.without)


@page.cue("It learns", "**One prompt, six moments.** Noise, letters, words, lines.")
def show_learn() -> None:
    """A recorded training."""
    page.stage(learn.Config, learn.scene, code=learn.code, needs=("shakespeare",))
    lesson.notice(
        "The same prompt and the same random numbers: what differs is how long it has learned. Blue: a word of two "
        "letters or more that its text has.",
        "It was told letters alone: no word, no verse, no names of speakers.",
        "*Validation* is the mean of −log p of a letter of text that it has not read; training, with dropout and of "
        "one minibatch, can be the higher.",
        "Some forty words a text: their share wavers by several per cent from one text to the next.",
    )
    if page.shown:
        lesson.recorded("the first text and the last")


@page.cue("Live", "**Trained before your eyes.** First names, letter by letter.")
def show_live() -> None:
    """In front of the class."""
    page.stage(live.Config, live.scenes, code=live.code)
    lesson.notice(
        "The ten names are drawn with the same random numbers each time: watch how one line changes. A ground marks "
        "names of the lists: pale, copied from training; deep, among those held out, which it has not seen.",
        "A name that is on no list need not be a bad one: a list of 5,163 is not all names.",
        "Raise the learning rate until it breaks; what was recorded stays.",
    )
    lesson.formula(
        "The loss",
        r"-\frac1N\sum_{i}\log p(x_i\mid x_{<i})",
        "The mean over the letters of a minibatch of 64 names, the end sign counted as a letter; guessing costs "
        "ln 27 = 3.30 nats.",
    )
    page.source(*live.steps())


@page.cue("Pixel by pixel", "**Half a digit is covered.** What was it? Nine answers.")
def show_pixels() -> None:
    """A digit pixel by pixel."""
    page.predict(
        "It finishes a digit whose upper half is given. Now the lower half is given: can it draw the upper one?",
        ["Yes, in the same way", "In principle, but not in this way", "No, p(x) does not say it"],
        "In principle, but not in this way",
        "Its p(pixel) knows of earlier pixels only. p(upper | lower) = p(x) / p(lower), and p(lower) is a sum over "
        "all 2³⁹² upper halves. A chain answers cheaply what comes later given what comes earlier in *its* order.",
    )
    config = page.stage(
        pixels.Config,
        pixels.scene,
        code=pixels.code,
        needs=lambda config: (config.checkpoint, "pixel-made", "pixel-made-random"),
        after_drag=pixels.after_drag,
    )
    lesson.notice(
        "Take hold of the knob at the right edge: more or fewer rows are given. At the top nothing is, and nine "
        "digits are drawn from p(x).",
        "*p(ink)* is dark where the model is sure of ink, before the pixel was drawn. Where it is neither dark nor "
        "pale, the nine answers part.",
        "**S**: what the network sees of the pixels before. **O**: what the digit really was.",
        "*A random order*: as many pixels are given, but scattered. This model cannot be asked for a lower half, for "
        "the same reason: each chain has an order of its own.",
        *(pixels.sentences(config) if page.shown else ()),
    )
    lesson.formula(
        "The chain rule",
        r"p(x)=\prod_{k=1}^{784}p\big(x_{o(k)}\mid x_{o(1)},\dots,x_{o(k-1)}\big),\qquad"
        r"p(x_{o(k)}=1\mid\dots)=\sigma(\mathrm{logit}_k)",
        "The uniform numbers of the nine are drawn with the seed of the sidebar, one for each pixel; a pixel is ink "
        "where its number is below its p.",
    )
    page.source(iterate_pixels)


@page.cue("Sample by sample", "**8,000 draws a second.** Look, and listen.")
def show_sound() -> None:
    """Sound sample by sample."""
    config = page.stage(
        sound.Config, sound.scene, code=sound.code, needs=(sound.WEIGHTS, sound.RECORDED), after_drag=sound.after_drag
    )
    if page.shown:
        listen(config)
    lesson.notice(
        "Drag the knob along the sound: the frames that follow are 240 samples from there, one by one.",
        "Each layer joins two samples of the one below, twice as far apart as those of the layer before: ten layers "
        "see 1,024 samples, 128 ms, with few weights.",
        "p(next level) is narrow where the sound goes on as it must, wide where something begins.",
        *(sound.sentences() if page.shown else ()),
    )
    lesson.formula(
        "Dilated causal convolutions",
        r"p(x\mid y)=\prod_t p(x_t\mid x_{t-1},\dots,x_{t-1024},y),\qquad 1+\sum_{l=0}^{9}2^l=1024",
        "A sample is one of 256 levels of µ-law, finer where it is quiet; y is the kind of sound asked for.",
    )
    page.source(ForwardWaveNet.walk)


def listen(config: sound.Config) -> None:
    """The four stages as sounds, and two seconds that nobody has heard."""
    st.header("Listen", anchor=False)
    for column, (stage, title) in zip(st.columns(len(sound.STAGES)), sound.STAGES.items(), strict=True):
        with column:
            st.caption(title)
            st.audio(sound.wav(replace(config, stage=stage)), format="audio/wav")
    st.caption(
        "Two seconds each, drawn before with a seed and stored; the browser plays them from this page alone. The "
        "network has learned from sounds of one second that are made by code."
    )
    drawn = lesson.recomputed(
        page.name,
        f"sound.{config.kind}.{page.seed}",
        lambda progress: sound.draw_anew(config.kind, page.seed, progress),
        f"Draw two new seconds of {sound.KINDS[config.kind]}, with seed {page.seed}",
    )
    if drawn:
        st.audio(drawn, format="audio/wav")


@page.cue("The table", "**Nats tell.** What does each model pay for what it has not seen?")
def show_table() -> None:
    """All models in one table."""
    page.stage(table.Config, table.scene, code=table.code, needs=lambda config: table.NEEDS[config.what])
    lesson.notice(
        "A difference of 1 nat: what was seen is e = 2.7 times as probable, on (geometric) average.",
        "Chains, coins and mixtures say log p(x) itself. A VAE has no log p(x) to say, only a bound: its −log p is "
        "at most the bar.",
        "The short lines on the bars: ± one standard error of the mean over the 500 test images.",
    )
    lesson.formula(
        "What is compared",
        r"-\frac1N\sum_{n=1}^{N}\log p(x^{(n)})\quad\text{nats per image},\qquad"
        r"-\frac1T\sum_{t}\log p(x_t\mid x_{<t})\quad\text{nats per letter}",
    )


page.run(
    "C. E. Shannon (1948), *A mathematical theory of communication*.",
    "Y. Bengio, R. Ducharme, P. Vincent & C. Jauvin (2003), *A neural probabilistic language model*.",
    "A. Vaswani et al. (2017), *Attention is all you need*, arXiv:1706.03762.",
    "A. Holtzman et al. (2020), *The curious case of neural text degeneration*, arXiv:1904.09751.",
    "M. Germain, K. Gregor, I. Murray & H. Larochelle (2015), *MADE*, arXiv:1502.03509.",
    "A. van den Oord, N. Kalchbrenner & K. Kavukcuoglu (2016), *Pixel recurrent neural networks*, arXiv:1601.06759.",
    "A. van den Oord et al. (2016), *WaveNet: a generative model for raw audio*, arXiv:1609.03499.",
)
