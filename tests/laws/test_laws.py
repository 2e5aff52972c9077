"""Every record of the registry obeys every law; a record that can't be sampled obeys none."""

import numpy as np
import pytest
from laws import LAWS
from samples import cases

from wengert import primitives
from wengert.ir.primitive import REGISTRY

assert primitives  # importing it fills the registry
RECORDS = sorted(name for name in REGISTRY.primitives if not name.endswith("_"))  # not doctests'

# fmt: off
OPEN: dict[tuple[str, str], str] = {}  # bugs that are known: (law, record): what is wrong
# fmt: on


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("law", LAWS)
def test_law(law: str, name: str, request: pytest.FixtureRequest) -> None:
    if reason := OPEN.get((law, name)):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    for case in cases(REGISTRY.primitives[name]):
        with np.errstate(all="ignore"):
            LAWS[law](case)
