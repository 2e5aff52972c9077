"""Every record of the registry obeys every law; a record that can't be sampled obeys none."""

import numpy as np
import pytest
from examples import cases
from laws import LAWS

from wengert import primitives
from wengert.ir.primitive import REGISTRY

assert primitives
RECORDS = sorted(name for name in REGISTRY.primitives if not name.endswith("_"))  # doctests' end in _


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("law", LAWS)
def test_law(law: str, name: str) -> None:
    for case in cases(REGISTRY.primitives[name]):
        with np.errstate(all="ignore"):
            LAWS[law](case)
