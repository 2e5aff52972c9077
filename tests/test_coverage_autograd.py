"""wengert differentiates what HIPS/autograd differentiates, and doesn't fall back behind what it reached."""

from coverage_autograd import FORWARD, REVERSE, share, table


def test_coverage() -> None:
    rows = table()
    lacking = [row for row in rows if not (row[3] and row[4])]
    assert len(rows) > 150
    assert share(rows, 3) >= FORWARD, lacking
    assert share(rows, 4) >= REVERSE, lacking
