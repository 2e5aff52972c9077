"""The page of a run: one HTML file that asks nothing of the network.

`write(folder, model, task, result, command)` makes report.html; `wengert report RUN` makes
it again. Needs the extra `report`.
"""

from wengert.report.page import page, write

__all__ = ["page", "write"]
