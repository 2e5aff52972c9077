"""The page: one HTML file, parts that fold, symbols that say their shape, light and dark."""

from collections.abc import Iterable
from html import escape
from typing import Any

from wengert.explanation.text import text

# fmt: off
STYLE = """
:root{color-scheme:light dark;--ink:#1a1a1a;--paper:#fffdf8;--line:#d8d2c4;--mark:#fff0b3}
@media (prefers-color-scheme:dark){:root{--ink:#e8e4da;--paper:#1b1b1d;--line:#444;--mark:#5a4a10}}
body{color:var(--ink);background:var(--paper);font:16px/1.6 Georgia,serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
summary{font-weight:bold;cursor:pointer;margin-top:1rem;border-bottom:1px solid var(--line)}
.step{display:grid;grid-template-columns:minmax(9rem,max-content) 1.5rem 1fr;padding:.2rem 0}
.step>:first-child{text-align:right}.step>:nth-child(2){text-align:center}
code{font:15px/1.6 ui-monospace,monospace;white-space:pre-wrap}
[data-s]{border-radius:3px}.on{background:var(--mark)}footer{margin-top:2rem;color:#888}
"""
SCRIPT = """
document.querySelectorAll('[data-s]').forEach(e=>{const all=()=>document.querySelectorAll('[data-s="'+e.dataset.s+'"]');
e.onmouseenter=()=>all().forEach(x=>x.classList.add('on'));e.onmouseleave=()=>all().forEach(x=>x.classList.remove('on'))})
"""
# fmt: on


def page(explanation: Any) -> str:
    """The whole page."""
    parts: dict[str, list[Any]] = {}
    for s in explanation.steps:
        parts.setdefault(s.part, []).append(s)
    body = "".join(_part(name, steps, explanation.shapes) for name, steps in parts.items())
    facts = "".join(f"<li>{escape(f)}</li>" for f in explanation.facts)
    used = f"<details open><summary>Used</summary><ul>{facts}</ul></details>" if facts else ""
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        f"<title>{escape(explanation.name)}</title>"
        f"<style>{STYLE}</style><h1>The gradient of {escape(explanation.name)}</h1>{body}{used}"
        f"<footer>{escape(str(explanation.check))}</footer><script>{SCRIPT}</script></html>"
    )


def _part(name: str, steps: Iterable[Any], shapes: Any) -> str:
    lines = "".join(
        f"<div class=step><code>{_marked(s.left, shapes)}</code><span>=</span>"
        f"<code>{_marked(text(s.right), shapes)}</code></div>"
        for s in steps
    )
    return f"<details open><summary>{escape(name)}</summary>{lines}</details>"


def _marked(line: str, shapes: Any) -> str:
    """The line with a mark at each symbol that says its shape."""
    out, word = "", ""
    for c in [*line, " "]:
        if c.isalnum() or c == "_":
            word += c
            continue
        if word:
            out += _symbol(word, shapes)
        out += escape(c)
        word = ""
    return out[:-1]


def _symbol(word: str, shapes: Any) -> str:
    if word in shapes:
        shape = " x ".join(map(str, shapes[word])) or "a number"
        tip = f"{escape(word)}: {escape(shape)}"
        return f'<span data-s="{escape(word)}" title="{tip}">{escape(word)}</span>'
    return escape(word)
