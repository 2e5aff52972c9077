"""What traces, with the right value and the right gradient, under jit, and what the others say.

python -m benchmarks.npbench_like [--json FILE] [--only NAME ...] [--seconds S] [--alone]

A program is right when its value under vjp is its plain value, and when the gradient of a weighted
sum of its results is what central differences say. `jit` is that of value and of gradient, compared
again, and the value at two more points, where other branches are taken. `list` counts the equations
as they are traced, `rolled` those of the list with its loops rolled up, however short it is, and
`rolls up` how many of these are loops. The other libraries get the same source with `np` spelled as
theirs.
"""

import argparse
import importlib
import json
import time
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from wengert.passes.prune import prune
from wengert.passes.roll import roll
from wengert.trace.tracer import Trace

from . import Entry, agrees, entries, floats, fresh, spelled, weighted

LOOPS = ("loop", "while_loop")


def arrays(values: tuple[Any, ...]) -> list[Any]:
    """What is traced: arrays of their own."""
    return [np.array(v) for v in values]


def best(call: Callable[[], object], seconds: float) -> float:
    """Milliseconds: the best of as many calls as fit."""
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return round(min(times) * 1e3, 3)


def same(value: Any, wanted: Any) -> bool:
    value, wanted = np.asarray(value), np.asarray(wanted)
    return (
        value.shape == wanted.shape
        and value.dtype == wanted.dtype
        and np.allclose(value, wanted, rtol=1e-12, atol=1e-13)
    )


def tried(call: Callable[[], bool]) -> str:
    """`yes`, `wrong`, `needs a value`, or the error's name and its first sentence."""
    try:
        return "yes" if call() else "wrong"
    except wengert.errors.ConcreteError:
        return "needs a value"
    except Exception as error:  # noqa: BLE001  whatever a library raises is what the table tells
        return f"{type(error).__name__}: {f'{error}'.strip().partition(chr(10))[0][:160]}"


def measure(entry: Entry, seconds: float) -> dict[str, Any]:
    loss, at = weighted(entry.function, entry), floats(entry)
    held, places = entry.arguments(), entry.differentiable()
    everywhere = tuple(range(len(at)))

    def function(*values: Any) -> Any:
        whole = list(fresh(held))
        for place, value in zip(places, values, strict=True):
            whole[place] = value
        return entry.function(*whole)

    plain = function(*fresh(at))
    gradient = wengert.value_and_grad(loss, argnums=everywhere)
    fast = wengert.jit(wengert.grad(loss, argnums=everywhere))
    forward = wengert.jit(function)
    row: dict[str, Any] = {"name": entry.name, "theme": entry.theme}
    row["value"] = tried(lambda: same(wengert.vjp(function, *fresh(at))[0], plain))
    row["gradient"] = tried(lambda: agrees(entry, gradient(*fresh(at))[1]))
    elsewhere = [floats(entry, seed) for seed in (0, 1, 2)]  # the branches are not the first call's
    row["jit"] = tried(
        lambda: all(same(forward(*fresh(x)), function(*fresh(x))) for x in elsewhere)
    )
    if row["jit"] == "yes":
        row["jit"] = tried(lambda: agrees(entry, fast(*fresh(at))))
    try:
        with Trace(concrete=True) as trace:
            program = prune(trace.close([function(*[trace.input(x[()]) for x in arrays(at)])]))
        equations = roll(program, long=0).equations
        row["list"], row["rolled"] = len(program.equations), len(equations)
        row["rolls up"] = sum(e.primitive.name in LOOPS for e in equations)
    except wengert.errors.WengertError:
        row["list"] = row["rolled"] = row["rolls up"] = None
    row["plain_ms"] = best(lambda: loss(*fresh(at)), seconds)
    if row["gradient"] == "yes":
        row["grad_ms"] = best(lambda: gradient(*fresh(at)), seconds)
    if row["jit"] == "yes":
        row["jit_grad_ms"] = best(lambda: fast(*fresh(at)), seconds)
    return row


def others() -> dict[str, Callable[[Entry], str]]:
    """Those that are installed: what each makes of a program."""
    found: dict[str, Callable[[Entry], str]] = {}

    def judge(entry: Entry, value_and_grad: Any, xp: Any, function: Any, array: Any) -> str:
        loss = weighted(function, entry, xp)
        plain = weighted(entry.function, entry)(*floats(entry))

        def call() -> bool:
            at = [array(x) for x in fresh(floats(entry))]
            value, slopes = value_and_grad(loss, tuple(range(len(at))))(*at)
            return same(np.asarray(value, dtype=float), plain) and agrees(entry, slopes)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tried(call)

    try:
        autograd = importlib.import_module("autograd")
        anp = importlib.import_module("autograd.numpy")
        with_autograd = spelled("autograd.numpy")
        found["autograd"] = lambda e: judge(
            e, autograd.value_and_grad, anp, with_autograd[e.name], lambda x: x
        )
    except ImportError:
        pass
    try:
        jax = importlib.import_module("jax")
        jax.config.update("jax_enable_x64", True)
        jnp = importlib.import_module("jax.numpy")
        with_jax = spelled("jax.numpy")
        found["jax"] = lambda e: judge(e, jax.value_and_grad, jnp, with_jax[e.name], jnp.asarray)
    except ImportError:
        pass
    return found


def short(word: Any) -> str:
    """A cell: numbers as they are, errors by their names."""
    if word is None:
        return "-"
    return word.partition(":")[0] if isinstance(word, str) else f"{word:g}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.npbench_like")
    parser.add_argument("--json", help="write the rows to this file")
    parser.add_argument("--only", nargs="*", help="these programs")
    parser.add_argument("--seconds", type=float, default=0.05, help="time for each timing")
    parser.add_argument("--alone", action="store_true", help="without the other libraries")
    options = parser.parse_args()
    rivals = {} if options.alone else others()
    columns = ["name", "value", "gradient", "jit", "list", "rolled", "rolls up"]
    columns += ["plain_ms", "grad_ms", "jit_grad_ms", *rivals]
    widths = [27, 18, 18, 18, *[10] * 6, 20, 20]
    print("".join(f"{c:<{w}}" for c, w in zip(columns, widths, strict=False)))
    rows = []
    for entry in entries():
        if options.only and entry.name not in options.only:
            continue
        row = measure(entry, options.seconds)
        row |= {name: judge(entry) for name, judge in rivals.items()}
        rows.append(row)
        cells = (f"{short(row.get(c)):<{w}}" for c, w in zip(columns, widths, strict=False))
        print("".join(cells), flush=True)
    print()
    for row in rows:
        for column in ("value", "gradient", "jit"):
            if row[column] not in ("yes", "needs a value"):
                print(f"{row['name']}, {column}: {row[column]}")
    n = len(rows)
    for column in ("value", "gradient", "jit", *rivals):
        count = Counter(short(row[column]) for row in rows)
        wrong, needs = count["wrong"], count["needs a value"]
        told = f"{column}: {count['yes']} of {n} right, {wrong} wrong"
        print(told + (f", {needs} need a value" if needs else ""))
    traced = sum(row["gradient"] in ("yes", "wrong") for row in rows)
    loops = [row for row in rows if row.get("rolls up")]
    print(
        f"{len(loops)} roll up, from {sum(r['list'] for r in loops)} lines to "
        f"{sum(r['rolled'] for r in loops)}"
    )
    print(
        f"{traced} of {n} traced; right value {sum(r['value'] == 'yes' for r in rows)}, right "
        f"gradient {sum(r['gradient'] == 'yes' for r in rows)}, jit "
        f"{sum(r['jit'] == 'yes' for r in rows)}"
    )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
