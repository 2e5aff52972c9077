"""A live line for a training run: rich's, on a terminal that has it, and silence anywhere else.

>>> with watch(epochs=2, steps=10, wanted=False) as bar:
...     bar.step(0.5)
...     bar.epoch({"train_loss": 0.5})
"""

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any

__all__ = ["Bar", "watch"]

EVERY = 0.1  # seconds between two looks at the loss; a step may take microseconds


class Bar:
    """A bar that shows nothing: what a run without a terminal talks to."""

    def step(self, loss: float) -> None:
        """One minibatch is done and cost this much."""

    def epoch(self, row: Mapping[str, float]) -> None:
        """One epoch is done; `row` is its line of the history."""


class _RichBar(Bar):
    """The same on a terminal: epochs, time left, the losses so far."""

    def __init__(self, progress: Any, task: Any) -> None:
        self.progress, self.task = progress, task
        self.steps, self.seen, self.last = 0, "", 0.0

    def step(self, loss: float) -> None:
        self.steps += 1
        if monotonic() - self.last > EVERY:
            self.last = monotonic()
            text = self.seen or f"loss {loss:.4f}"
            self.progress.update(self.task, completed=self.steps, text=text)

    def epoch(self, row: Mapping[str, float]) -> None:
        shown = {name: value for name, value in row.items() if name not in HIDDEN}
        self.seen = "  ".join(f"{name.replace('_', ' ')} {v:.4f}" for name, v in shown.items())
        self.progress.update(self.task, completed=self.steps, text=self.seen)


HIDDEN = ("epoch", "rate", "seconds")


@contextmanager
def watch(epochs: int, steps: int, wanted: bool | None = None, title: str = "") -> Iterator[Bar]:
    """A bar for `epochs` of `steps` each; `wanted` None means on a terminal that has rich.

    ImportError if it is wanted and rich isn't installed.
    """
    if wanted is None:
        wanted = sys.stdout.isatty() and importlib.util.find_spec("rich") is not None
    if not wanted:
        yield Bar()
        return
    import rich.progress as rich  # slow to import, and only a terminal needs it

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(bar_width=24),
        rich.TaskProgressColumn(),
        rich.TimeRemainingColumn(compact=True),
        rich.TextColumn("{task.fields[text]}"),
    )
    with rich.Progress(*columns) as progress:
        yield _RichBar(progress, progress.add_task(title, total=epochs * steps, text=""))
