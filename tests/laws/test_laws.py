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
OPEN = {  # bugs that are known; a strict xfail each, so that whoever mends one strikes out its line here
    **{("vmap_is_a_loop", name): "vmap doesn't spread a result that no mapped argument reaches" for name in (
        "copysign", "monomial", "nextafter", "prod")},
    **{("text_is_read_back", name): "repr(complex(1, -0.)) reads back as 1+0j" for name in ("eig", "irfft", "real")},
    ("operands_are_left_alone", "reshape"): "jit(lambda x: x.reshape(())) returns a view of x",
    ("operands_are_left_alone", "stop_gradient"): "it returns its operand, and the interpreter writes into it",
}
# fmt: on


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("law", LAWS)
def test_law(law: str, name: str, request: pytest.FixtureRequest) -> None:
    if reason := OPEN.get((law, name)):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    for case in cases(REGISTRY.primitives[name]):
        with np.errstate(all="ignore"):
            LAWS[law](case)
