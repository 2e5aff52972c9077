"""scikit-learn's conventions without scikit-learn: parameters, tags, "not fitted", printing.

What scikit-learn itself must make (its tags, its exceptions) is asked of it only where somebody
has already imported it.
"""

import inspect
import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

from wengert.errors import InputError, WengertError, sentences

__all__ = ["ConvergenceWarning", "Estimator", "NotFittedError"]


class NotFittedError(WengertError, ValueError, AttributeError):
    """An estimator was asked for an answer before it had learned anything."""


class ConvergenceWarning(UserWarning):
    """An optimiser ran out of iterations before it was done."""


def peer(name: str, ours: type) -> type:
    """scikit-learn's class of this name where scikit-learn is loaded, else ours."""
    if "sklearn" not in sys.modules:
        return ours
    theirs: type = getattr(import_module("sklearn.exceptions"), name)
    return theirs


def warn(name: str, ours: type[Warning], text: str) -> None:
    """A warning that both of scikit-learn's and of our own filters know."""
    warnings.warn(text, peer(name, ours), stacklevel=4)


class Estimator:
    """Parameters are what `__init__` takes, stored as they come; what ends in _ was learned."""

    n_features_in_: int
    kind = ""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """The parameters of `__init__`, which stores them by name."""

    @classmethod
    def _names(cls) -> list[str]:
        found = list(inspect.signature(cls.__init__).parameters.values())[1:]
        return sorted(p.name for p in found if p.kind is not p.VAR_KEYWORD)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> Self:
        """Change parameters by name; InputError for a name that isn't one."""
        known = self._names()
        for name, value in params.items():
            if name not in known:
                raise InputError(
                    sentences(
                        f"Invalid parameter {name!r} for estimator {self!r}.",
                        f"Valid parameters are: {known!r}.",
                    )
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        default = inspect.signature(type(self).__init__).parameters
        told = [
            f"{name}={getattr(self, name)!r}"
            for name in self._names()
            if repr(getattr(self, name, default[name].default)) != repr(default[name].default)
        ]
        return f"{type(self).__name__}({', '.join(told)})"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")

    def _fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            name = type(self).__name__
            raise peer("NotFittedError", NotFittedError)(
                sentences(f"This {name} instance is not fitted yet.", "Call 'fit' with X and y.")
            )

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's tools ask before they use an estimator; only they call this."""
        utils = import_module("sklearn.utils")
        classifier = self.kind == "classifier"
        return utils.Tags(
            estimator_type=self.kind,
            target_tags=utils.TargetTags(
                required=True,
                multi_output=self._many_outputs(),
            ),
            transformer_tags=None,
            classifier_tags=utils.ClassifierTags(
                multi_class=self._many_classes(), multi_label=self._many_outputs()
            )
            if classifier
            else None,
            regressor_tags=None if classifier else utils.RegressorTags(),
            input_tags=utils.InputTags(),
        )

    def _many_outputs(self) -> bool:
        return False

    def _many_classes(self) -> bool:
        return True
