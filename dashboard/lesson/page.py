"""A page: its question, its cues, and one stage on which whatever a cue shows is played.

    page = Page(gaussian.CONCEPT)

    @page.cue("Fit", "**Learn.** Points arrive one by one.")
    def show_fit() -> None:
        page.stage(fit.Config, fit.scene)
        notice("After one point the covariance is a dot.")

    page.run("C. F. Gauss (1809), *Theoria motus*.")

A cue is a preset that a lecturer walks to with one key; it says only what differs from the defaults that stand in the
scene's config. Its link and its button open the same.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import streamlit as st

from dashboard import player
from dashboard.concepts import Concept
from dashboard.lectures import Step
from dashboard.lesson import blocks, checkpoints, controls
from dashboard.player import AfterDrag
from dashboard.questions import Question
from dashboard.scene import board
from dashboard.scene.own_points import OwnPoints
from dashboard.scene.words import plain
from genmodels.data.files import DataFileError

C = TypeVar("C")


@dataclass(frozen=True)
class Cue:
    """A preset.

    Args:
        name: In the link.
        title: On its button.
        say: One sentence that tells the class what to look at.
        show: Draws the cue's controls, picture and text.
        differs: Values of controls, by field, where they are not the config's defaults.
    """

    name: str
    title: str
    say: str
    show: Callable[[], None]
    differs: Mapping[str, Any] = field(default_factory=dict)


class Page:
    """One page of the dashboard.

    Args:
        concept: What it is about.
        after_drag: From a config and what a drag says to a new config, for all stages that say nothing else.

    Attributes:
        shown: Whether the stage has its picture: not if a checkpoint that it needs cannot be read.
        code: The model's call behind it, as Python that runs by itself; empty once it stands on the page.
    """

    def __init__(self, concept: Concept, after_drag: AfterDrag | None = None) -> None:
        self.name, self.question, self.after_drag = concept.page, concept.question, after_drag
        self.player = f"{concept.page}.player"
        self.cues: dict[str, Cue] = {}
        self.shown = False
        self.code = ""
        self._question: Callable[[], Question] | None = None

    @property
    def seed(self) -> int:
        """The seed of the sidebar."""
        return st.session_state["_shell"].seed

    @property
    def device(self) -> str:
        """Where networks are trained, as the sidebar says."""
        return st.session_state["_shell"].device

    # --- cues -----------------------------------------------------------------------------------------------

    def cue(self, title: str, say: str, **differs: Any) -> Callable[[Callable[[], None]], Callable[[], None]]:
        """Make a cue of a function ``show_NAME``; ``differs`` are defaults that are others here."""

        def register(show: Callable[[], None]) -> Callable[[], None]:
            name = show.__name__.removeprefix("show_")
            self.cues[name] = Cue(name, title, say, show, differs)
            return show

        return register

    def run(self, *references: str) -> None:
        """Show the question, the tabs of all cues, the cue that is on, and where to read on."""
        self._take_step()
        cue = self.current
        key = f"{self.name}.cue"
        if cue is not next(iter(self.cues.values())) and st.query_params.get(key) != cue.name:
            st.query_params[key] = cue.name
        if not st.context.is_embedded:
            self._headline(cue)
        try:
            cue.show()
        except DataFileError as why:  # of what the page itself reads; what a scene reads is told where it is drawn
            st.warning(plain(why))
        if not self.shown:
            player.listen(f"{self.name}.keys")
        if self.code:  # a cue that shows no function of ours
            self.source()
        blocks.references(*references)
        blocks.neighbours(self.name)

    def _headline(self, cue: Cue) -> None:
        with st.container(horizontal=True, gap="medium", wrap=False, key="headline", vertical_alignment="center"):
            st.title(self.question, anchor=False, width="content")
            with st.container(horizontal=True, gap="xsmall", wrap=False, key="cues"):
                for number, other in enumerate(self.cues.values(), start=1):
                    self._tab(other, number, other is cue)

    def _take_step(self) -> None:
        """Begin what a lecture's step asks for: its cue, from the preset, but for what the step's link says."""
        step: Step | None = st.session_state.get("_begin")
        if step is None or step.page != self.name:
            return
        del st.session_state["_begin"]
        cue = self.cues.get(step.cue) or next(iter(self.cues.values()))
        self._open(cue, cue.differs)
        controls.ask(self.name, step.link)

    def _say(self) -> str:
        """The cue's sentence, or that of the lecture's step that is on."""
        step = self._step()
        return (step.say if step else "") or self.current.say

    def _asked(self) -> dict[str, Any] | None:
        """The question before the picture: the step's, else the cue's, if it has one."""
        step = self._step()
        if step and step.question:
            return step.question.words()
        return self._question().words() if self._question and not st.context.is_embedded else None

    def _step(self) -> Step | None:
        """The lecture's step that is on, if this is its cue."""
        step: Step | None = st.session_state.get("_step")
        return step if step and step.page == self.name and step.cue in (self.current.name, "") else None

    def _pinned(self) -> str:
        """Ids of frames that the link wants kept beside the one that plays, such as ``1,100``."""
        asked = controls.written(self.name, "pin")
        if asked and not re.fullmatch(r"\d{1,7}(,\d{1,7})?", asked):
            controls.note_ignored(f"{self.name}.pin", asked)
            return ""
        return asked

    @property
    def current(self) -> Cue:
        """The cue that is on: what the session says, else the link, else the first."""
        key, names = f"{self.name}.cue", list(self.cues)
        if key not in st.session_state:
            asked = st.query_params.get(key)
            if asked is not None and asked not in names:
                controls.note_ignored(key, asked)
            st.session_state[key] = asked if asked in names else names[0]
        return self.cues[st.session_state[key]]

    def _tab(self, cue: Cue, number: int, on: bool) -> None:
        st.button(
            cue.title,
            key=f"{self.name}.cue.{cue.name}",
            type="primary" if on else "secondary",
            shortcut=str(number % 10) if number <= 10 else None,  # the tenth is 0, as on a keyboard
            on_click=self._start,
            args=(cue,),
        )

    def _start(self, cue: Cue) -> None:
        """A cue that was left is found as it was; pressed while it is on, it is put back to its preset."""
        left = st.session_state.setdefault("_left", {}).setdefault(self.name, {})
        now = self.current
        left[now.name] = controls.values(self.name)
        differs = cue.differs if cue is now or cue.name not in left else left[cue.name]
        st.query_params[f"{self.name}.cue"] = cue.name
        self._open(cue, differs, f"{self.name}.cue", f"{self.name}.painted")

    def _open(self, cue: Cue, differs: Mapping[str, Any], *keep: str) -> None:
        """Turn a cue on, the keyboard in its picture and its controls at these values; what the link is to keep."""
        st.session_state[f"{self.name}.cue"] = cue.name
        st.session_state["_focus"] = st.session_state.get("_focus", 0) + 1
        controls.reset(self.name, differs, keep=frozenset(keep))

    # --- the stage ------------------------------------------------------------------------------------------

    def choose(self, config: type[C], *names: str, **given: Any) -> C:
        """Show the controls of a config's fields (these, or all); the config that they say."""
        known = {f.name for f in fields(config)}  # type: ignore[arg-type]
        shell = {"seed": self.seed, "device": self.device}
        given = {name: value for name, value in shell.items() if name in known} | given
        return controls.choose(self.name, config, *names, start=self.current.differs, **given)

    def stage(
        self,
        choose: type[C] | Callable[[], C],
        draw: Callable[..., Any],
        *names: str,
        needs: tuple[str, ...] | Callable[[C], tuple[str, ...]] = (),
        under: Callable[[C], Any] | None = None,
        given: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> C:
        """Controls on the left, those of the cue, and in all the room that is left the picture of what they say.

        Args:
            choose: A config class, whose fields say which controls there are; or what shows controls and returns a
                config. A class without a control gives the picture the whole width.
            draw: A module-level function from a config to a scene, or to an iterator of scenes: a run that grows.
            names: Which of the class's fields have a control here; all by default.
            needs: Checkpoints; where one cannot be read, the page says so in place of the picture, and offers to
                build it.
            under: Shows more below the controls.
            given: Values of fields without a control.
            more: As :meth:`show` takes them.

        Returns:
            The config; :attr:`shown` says whether its picture is there.
        """

        def chosen() -> C:
            config = self.choose(choose, *names, **(given or {})) if isinstance(choose, type) else choose()
            if under:
                under(config)
            return config

        if isinstance(choose, type) and not under and not controls.has_widgets(choose, *names):
            config = chosen()
            self.show(draw, config, needs=needs, **more)
            return config
        with beside() as (left, right):
            with left:
                config = chosen()
            with right:
                self.show(draw, config, needs=needs, **more)
        return config

    def show(
        self,
        draw: Callable[..., Any],
        config: Any,
        *,
        needs: tuple[str, ...] | Callable[[Any], tuple[str, ...]] = (),
        code: Callable[[Any], str] | None = None,
        after_drag: AfterDrag | None = None,
        **more: Any,
    ) -> None:
        """Play the scene or the run of a config here, if the checkpoints that it needs can be read.

        In a page that is embedded in another one, this is all there is: the script ends here.

        Args:
            draw: See :meth:`stage`.
            config: A frozen one.
            needs: Checkpoints.
            code: From the config to the model's call behind the picture (:mod:`dashboard.scene.snippet`).
            after_drag: Instead of the page's.
            more: For a run that grows, as :func:`dashboard.player.watch` takes them.
        """
        self.shown, self.code = self.ready(*(needs(config) if callable(needs) else needs)), ""
        if not self.shown:
            return
        if code:
            with suppress(ValueError):  # such a config cannot be drawn either, and the picture says why
                self.code = code(config)
        cue = self.current
        words = {
            "say": self._say(),
            "name": f"{self.name} · {cue.title}",
            "code": self.code,
            "ask": self._asked(),
            "pin": self._pinned(),
        }
        mount: dict[str, Any] = {"key": self.player, "focus": focus_token(), "words": words, "on_pin": self._pin}
        to_paint: OwnPoints | None = getattr(config, "to_paint", None)
        live = inspect.isgeneratorfunction(draw)
        if live and to_paint and self._paints(to_paint):
            mount["words"] = words | {"ask": None, "pin": ""}
            player.play(board.scene, to_paint, after_drag=board.after_painting, on_drop=self._painted, **mount)
        elif live:
            player.watch(draw, config, **mount, **more)
        else:
            after_drag = after_drag or self.after_drag
            player.play(draw, config, after_drag=after_drag, on_drop=self.put, **mount, **more)
        if st.context.is_embedded:
            st.stop()

    def _pin(self, steps: list[int]) -> None:
        st.session_state[f"{self.name}.pin"] = ",".join(map(str, steps))

    def _paints(self, config: OwnPoints) -> bool:
        """Whether points are being painted, for a model that is then trained on them."""
        if config.source != "painted":
            return False
        key, few = f"{self.name}.painting", not config.has_two
        st.session_state.setdefault(key, few)
        return st.toggle("Paint (off: train on these points)", key=key, disabled=few) or few

    def _painted(self, config: OwnPoints) -> None:
        st.session_state[f"{self.name}.painted"] = config.painted

    def put(self, config: Any) -> None:
        """Take over a config that a drag has made."""
        controls.put(self.name, config)

    def ready(self, *names: str) -> bool:
        """Whether these checkpoints can be shown; if not, the page says why and offers to build them."""
        return checkpoints.ready(self.name, *names)

    def predict(self, question: str, answers: list[str], right: str, because: str | Callable[[], str]) -> None:
        """Ask before the stage that follows is shown: the picture waits for an answer.

        Args:
            question: One sentence.
            answers: Two to five.
            right: One of them.
            because: Why; or what computes it, once the stage's checkpoints are there.
        """
        self._question = lambda: Question(
            question, tuple(answers), right, because() if callable(because) else because
        )

    # --- below the stage ------------------------------------------------------------------------------------

    def source(self, *functions: Callable) -> None:
        """The code behind the picture: what makes its numbers again, and the functions at work, as they are run."""
        blocks.source(self.code, *functions)
        self.code = ""

    def challenge(
        self, title: str, task: str, measure: str, score: Callable[[], float], goal: float, unit: str
    ) -> None:
        """A task that checks itself: the score must fall below the goal."""
        blocks.challenge(self.name, title, task, measure, score, goal, unit)


@contextmanager
def beside() -> Iterator[tuple[Any, Any]]:
    """Two places side by side: the few controls, and all the room that is left for the picture."""
    with st.container(horizontal=True, gap="small", wrap=False, key="beside"):
        yield st.container(width=264, key="controls"), st.container(width="stretch", key="picture")


def focus_token() -> str:
    """Changes when a cue was started, so that the Player takes the keyboard."""
    return str(st.session_state.get("_focus", "")) or ""
