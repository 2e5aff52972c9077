"""Side by side: the contestants run in turn, so that a change of the machine's speed hits all."""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

Contestants = dict[str, Callable[[], object]]


def compare(
    contestants: Contestants, seconds: float = 1.0, blocks: int = 9
) -> dict[str, dict[str, float]]:
    """Microseconds a call for each contestant: the median of the blocks, and the best."""
    loops = {}
    for name, call in contestants.items():
        call()
        start = time.perf_counter()
        call()
        once = max(time.perf_counter() - start, 1e-7)
        loops[name] = max(1, int(seconds / blocks / once))
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(blocks):
        for name, call in contestants.items():
            start = time.perf_counter()
            for _ in range(loops[name]):
                call()
            times[name].append((time.perf_counter() - start) / loops[name] * 1e6)
    return {n: {"median": statistics.median(t), "best": min(t)} for n, t in times.items()}


def machine(*packages: str) -> str:
    """What the figures were taken on."""
    model = (
        next(
            (
                line.split(":")[1].strip()
                for line in Path("/proc/cpuinfo").read_text().splitlines()
                if "model name" in line
            ),
            platform.processor(),
        )
        if Path("/proc/cpuinfo").exists()
        else platform.processor()
    )
    versions = ", ".join(f"{p} {version(p)}" for p in packages)
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def arguments(description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", help="write the rows to this file")
    parser.add_argument(
        "--seconds", type=float, default=1.0, help="time for each contestant of a row"
    )
    return parser.parse_args()


def save(rows: list[dict[str, object]], path: str | None) -> None:
    if path:
        Path(path).write_text(json.dumps(rows, indent=1) + "\n")
