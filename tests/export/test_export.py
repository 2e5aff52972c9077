"""Every writer against the estimator itself, and model files that were tampered with."""

import importlib.util
import json
import shutil
import struct
import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits

import wengert
from wengert.errors import InputError
from wengert.estimators import (
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    SoftmaxRegression,
)
from wengert.nn import ModelFileError

pl = pytest.importorskip("polars")
D, d = load_digits(return_X_y=True)
D, d = D[:200] / 16, d[:200]
P, p = load_diabetes(return_X_y=True)
P = (P - P.mean(axis=0)) / P.std(axis=0)
rng = np.random.default_rng(0)
FRAME = pl.DataFrame(
    {
        "size": [None if i % 50 == 3 else float(v) for i, v in enumerate(rng.normal(size=200))],
        "kind": [str(v) for v in rng.choice(list("xyz"), 200)],
        "town": [f"v{v}" for v in rng.integers(12, size=200)],
    }
)
ANSWER = np.array(["yes" if k == "x" else "no" for _, k, _ in FRAME.rows()])
Q = dict(max_iter=3, random_state=0)
# fmt: off
MODELS: dict[str, tuple[Any, Any, Any]] = {
    "logistic": (LogisticRegression(), D, d > 4),
    "softmax":  (SoftmaxRegression(), D, d),
    "frame":    (LogisticRegression(), FRAME, ANSWER),
    "binary":   (MLPClassifier((9,), **Q), D, d > 4),
    "classes":  (MLPClassifier((9, 9), "tanh", residual=True, norm="layer", **Q), D, d),
    "float32":  (MLPClassifier((9,), **Q), D.astype(np.float32), d),
    "labels":   (MLPClassifier((9,), **Q), D, np.column_stack([d > 4, d % 2]).astype(int)),
    "batch":    (MLPClassifier((9,), norm="batch", ensemble=2, **Q), D, d),
    "columns":  (MLPClassifier((9,), **Q), FRAME, ANSWER),
    "preset":   (MLPClassifier((9, 9), preset="tabular", **Q), FRAME, ANSWER),
    "number":   (MLPRegressor(hidden_layer_sizes=(9,), **Q), P, p),
    "numbers":  (MLPRegressor(hidden_layer_sizes=(9,), **Q), P, np.column_stack([p, -p])),
    "counts":   (MLPRegressor("poisson", (9,), **Q), P, p),
    "quantile": (MLPRegressor("quantile", (9,), **Q), P, p),
    "spread":   (MLPRegressor("gaussian_nll", (9,), ensemble=2, **Q), P, p),
    "tabular":  (MLPRegressor(hidden_layer_sizes=(9,), preset="tabular", **Q), P, p),
    **{g: (MLPClassifier((9,), g, **Q), D, d) for g in
       ("elu", "selu", "gelu", "silu", "softplus", "leaky_relu", "mish", "logistic", "identity")},
}
# fmt: on


@pytest.fixture(autouse=True)
def _interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WENGERT_MACHINE", "interpreter")


@pytest.fixture(scope="module")
def fitted() -> dict[str, Any]:
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("WENGERT_MACHINE", "interpreter")
        return {name: model.fit(X, y) for name, (model, X, y) in MODELS.items()}


def matrix(model: Any, X: Any) -> Any:
    """A frame as exports take it: numbers, and the number of each category's value."""
    if isinstance(X, np.ndarray):
        return X
    known = dict(model._columns.categories)
    columns = []
    for j, name in enumerate(X.columns):
        values = X[name].to_list()
        places = {v: i for i, v in enumerate(known.get(j, ()), 1)}
        columns.append(
            [places.get(v, 0) if j in known else np.nan if v is None else v for v in values]
        )
    return np.array(columns).T


def answers(model: Any, X: Any) -> Any:
    found = model.predict_proba(X) if model.kind == "classifier" else model.predict(X)
    return found.reshape(len(found), -1)


def tolerance(found: Any) -> dict[str, float]:
    single = found.dtype == np.float32
    return dict(rtol=2e-5 if single else 1e-11, atol=2e-6 if single else 1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_save_and_load(name: str, fitted: dict[str, Any], tmp_path: Path) -> None:
    """To the last bit, and the estimator knows what it knew."""
    model, X = fitted[name], MODELS[name][1]
    path = model.save(tmp_path / "model.safetensors")
    again = wengert.load(path)
    assert np.array_equal(answers(again, X), answers(model, X))
    assert np.array_equal(again.predict(X), model.predict(X))
    assert repr(again) == repr(model)
    assert again.n_iter_ == model.n_iter_
    said = json.loads(Path(f"{path}.json").read_text())
    assert said["estimator"] == type(model).__name__


@pytest.mark.parametrize("name", MODELS)
def test_numpy_file(name: str, fitted: dict[str, Any], tmp_path: Path) -> None:
    model, X = fitted[name], MODELS[name][1]
    path = model.to_numpy(tmp_path / "model.py")
    spec = importlib.util.spec_from_file_location("exported", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    expected = answers(model, X)
    found = module.predict(matrix(model, X)).reshape(expected.shape)
    np.testing.assert_allclose(found, expected, **tolerance(expected))
    if name in ("classes", "number", "float32"):
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("name", MODELS)
def test_onnx(name: str, fitted: dict[str, Any], tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    model, X = fitted[name], MODELS[name][1]
    path = model.to_onnx(tmp_path / "model.onnx")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    expected = answers(model, X)
    given = matrix(model, X).astype(expected.dtype)
    found = session.run(None, {"X": given})[0]
    bound = {"atol": 1e-6} if name == "gelu" else tolerance(expected)
    np.testing.assert_allclose(found, expected, **bound)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")
def test_c_file(fitted: dict[str, Any], tmp_path: Path) -> None:
    """All of them in one program, without a warning."""
    main, sources = ["#include <stdio.h>", "#include <math.h>"], []
    for name, model in fitted.items():
        X = matrix(model, MODELS[name][1])[:20]
        source = model.to_c(tmp_path / f"{name}.c")
        real = "float" if "#define REAL float" in source.read_text() else "double"
        outputs = answers(model, MODELS[name][1]).shape[1]
        main += [f"void {name}(const {real} *x, {real} *out);", f"static void run_{name}(void) {{"]
        numbers = ", ".join("NAN" if np.isnan(v) else float(v).hex() for v in X.ravel())
        main += [f"static const {real} X[] = {{{numbers}}}; {real} out[{outputs}];"]
        main += [
            f"for (int i = 0; i < 20; i++) {{ {name}(X + i * {X.shape[1]}, out);",
            f'for (int j = 0; j < {outputs}; j++) printf("{name} %.17g\\n", (double)out[j]); }} }}',
        ]
        made = tmp_path / f"{name}.o"
        sources.append(made)
        subprocess.run(
            ["gcc", "-std=c99", "-Wall", "-Werror", "-O1", "-c", f"-Dwengert_predict={name}",
             source, "-o", made], check=True,
        )  # fmt: skip
    main += ["int main(void) {", *(f"run_{name}();" for name in fitted), "return 0; }"]
    (tmp_path / "main.c").write_text("\n".join(main))
    program = tmp_path / "program"
    subprocess.run(["gcc", tmp_path / "main.c", *sources, "-lm", "-o", program], check=True)
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split("\n")
    for name, model in fitted.items():
        expected = answers(model, MODELS[name][1])
        found = [float(line.split()[1]) for line in lines if line.startswith(name + " ")]
        np.testing.assert_allclose(
            found, expected[:20].ravel(), err_msg=name, **tolerance(expected)
        )


class TestDamage:
    @pytest.fixture
    def path(self, fitted: dict[str, Any], tmp_path: Path) -> Path:
        saved: Path = fitted["binary"].save(tmp_path / "model.safetensors")
        return saved

    def altered(self, path: Path, change: Any) -> Path:
        """The same file with another description."""
        data = path.read_bytes()
        length = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + length])
        said = json.loads(header["__metadata__"]["wengert"])
        change(said, header)
        header["__metadata__"]["wengert"] = json.dumps(said)
        text = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
        return path

    @pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99])
    def test_cut_off(self, path: Path, share: float) -> None:
        data = path.read_bytes()
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(ModelFileError, match=r"cut off|damaged"):
            wengert.load(path)

    def test_a_header_that_claims_an_exabyte(self, path: Path) -> None:
        path.write_bytes(struct.pack("<Q", 2**60) + path.read_bytes()[8:])
        with pytest.raises(ModelFileError, match="cut off"):
            wengert.load(path)

    def test_a_pickle(self, path: Path) -> None:
        path.write_bytes(b"\x80\x04\x95" + bytes(100))
        with pytest.raises(ModelFileError, match="no safetensors"):
            wengert.load(path)

    def test_a_newer_version(self, path: Path) -> None:
        self.altered(path, lambda said, header: said.update(wengert=2))
        with pytest.raises(ModelFileError, match="upgrade wengert"):
            wengert.load(path)

    @pytest.mark.parametrize("change", [
        lambda s, h: s.update(estimator="os.system"),
        lambda s, h: s.pop("columns"),
        lambda s, h: s["columns"].update(width=10**12),
        lambda s, h: s["columns"].update(names=["a"]),
        lambda s, h: s["network"].update(activations=["eval", "identity"]),
        lambda s, h: s["network"].update(ensemble=10**9),
        lambda s, h: s["network"]["plan"].update(norm="batch"),
        lambda s, h: s["network"]["plan"].update(categories=[[10**12, True]]),
        lambda s, h: s["labels"].update(dtype="<U1000000000"),
        lambda s, h: s.update(classes=[1, 2, 3]),
        lambda s, h: s["parameters"].update(__class__="x"),
        lambda s, h: s.update(curves=None),
        lambda s, h: h["network.layers[0].W"].update(shape=[10**9, 10**9]),
    ])  # fmt: skip
    def test_a_hostile_description(self, path: Path, change: Any) -> None:
        self.altered(path, change)
        with pytest.raises((ModelFileError, InputError)):
            wengert.load(path)

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="no model file"):
            wengert.load(tmp_path / "nothing")


@pytest.mark.parametrize("way", ["save", "to_c", "to_numpy", "to_onnx"])
def test_a_function_with_a_known_name_is_still_code(way: str, tmp_path: Path) -> None:
    def tanh(z: Any) -> Any:
        return 2 * z

    model = MLPClassifier((3,), tanh, solver="lbfgs").fit(D, d)
    with pytest.raises(InputError, match="code, not data"):
        getattr(model, way)(tmp_path / "model")


def test_numpys_own_tanh_has_a_name(tmp_path: Path) -> None:
    model = MLPClassifier((3,), np.tanh, solver="lbfgs", max_iter=500).fit(D, d)
    again = wengert.load(model.save(tmp_path / "model"))
    assert np.array_equal(again.predict_proba(D), model.predict_proba(D))


def test_code_is_not_saved(tmp_path: Path) -> None:
    model = MLPClassifier((3,), lambda z: z * z, solver="lbfgs", max_iter=500).fit(D, d)
    with pytest.raises(InputError, match="code, not data"):
        model.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
