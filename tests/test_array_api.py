"""SciPy's functions of the array API standard, run on stand-ins: each with SCIPY_ARRAY_API and without.

SciPy reads the variable when it is imported, so `python tests/test_array_api.py` is the program that
the tests run: values under jit are SciPy's own, gradients are the differences'.
"""

import json
import os
import re
import subprocess
import sys
import warnings
from functools import cache

import numpy as np
import pytest
import scipy

import wengert
from wengert.errors import WengertError

X = np.array([0.3, 0.52, 0.9, 1.7, 0.61, 0.22, 1.1])
W = np.array([1.0, 2.2, 1.3, 3.0, 1.03, 0.5, 2.0])
P = np.array([0.1, 0.2, 0.05, 0.15, 0.21, 0.18, 0.11])
M = (np.arange(12.0).reshape(4, 3) * 7 % 12) * 0.13 + 0.2

# fmt: off
AWARE = """
special.logsumexp(x) special.logsumexp(x,b=w) special.softmax(x)[0] special.log_softmax(m,axis=0)[0] special.erf(x) special.gammaln(x) special.xlogy(w,x) special.rel_entr(x,w) special.entr(x) special.expit(x) special.gammainc(2.0,x) special.stdtr(3.0,x) special.polygamma(1,x) special.multigammaln(x+2,2) special.sinc(x) special.j0(x)
stats.skew(x) stats.kurtosis(x) stats.zscore(x)[0] stats.zmap(x,w)[0] stats.gmean(x) stats.gmean(x,weights=w) stats.hmean(x) stats.pmean(x,2) stats.moment(x,3) stats.variation(x) stats.sem(x) stats.tmean(x,(0.25,1.5)) stats.tvar(x) stats.tstd(x,(0.25,1.5)) stats.tmax(x) stats.gstd(x) stats.iqr(x) stats.median_abs_deviation(x) stats.trim_mean(x,0.2) stats.circmean(x) stats.circvar(x) stats.entropy(p) stats.entropy(p,w) stats.differential_entropy(x) stats.pearsonr(x,w).statistic stats.pearsonr(x,w).pvalue stats.ttest_1samp(x,0.5).statistic stats.ttest_1samp(x,0.5).pvalue stats.ttest_ind(x,w).statistic stats.ttest_ind(x,w,equal_var=False).statistic stats.ttest_rel(x,w).statistic stats.describe(x).variance stats.kstat(x,3) stats.kstatvar(x,2) stats.jarque_bera(x).pvalue stats.boxcox_llf(0.5,x) stats.yeojohnson_llf(0.5,x) stats.lmoment(x)[1] stats.bartlett(x,w).statistic stats.combine_pvalues(p).pvalue stats.quantile(x,0.3) stats.directional_stats(m).mean_direction[0] stats.false_discovery_control(p)[0]
signal.fftconvolve(x,w) signal.oaconvolve(x,w) signal.hilbert(x).imag[1] signal.envelope(x)[0] signal.resample(x,5)[0] signal.vectorstrength(x,1.0)[0] signal.freqz(x)[1].real[3] signal.zpk2tf(x[:2],x[2:4],1.0)[0] signal.windows.gaussian(7,x[0]) signal.windows.general_cosine(7,x[:3])
fft.rfft(x).imag[1] fft.irfft(x)[0] fft.fft2(m).real[1,1] integrate.trapezoid(w,x) integrate.cumulative_simpson(x)[2] optimize.rosen(x) optimize.rosen_hess(x) linalg.block_diag(m,m) linalg.orthogonal_procrustes(m,m[::-1])[0][0,1]
spatial.transform.Rotation.from_rotvec(x[:3]).as_matrix()[0] spatial.transform.Rotation.from_quat(x[:4]).apply(w[:3])[0]
"""
REFUSED = """
stats.ks_1samp(x,stats.norm.cdf).statistic signal.lfilter([1.0,0.5],[1.0,0.3],x) signal.savgol_filter(x,5,2) fft.dct(x) ndimage.gaussian_filter(m,1.0) interpolate.CubicSpline(np.arange(7.0),x)(1.5) interpolate.PchipInterpolator(np.arange(7.0),x)(1.5) linalg.toeplitz(x)
"""
# fmt: on


PARTS = (
    "special", "stats", "signal", "fft", "integrate", "optimize", "linalg", "ndimage",
    "interpolate", "spatial",
)  # fmt: skip
ARRAYS = {"x": X, "m": M, "p": P}


def function_of(text):
    """The sum of what this call gives, as a function of its first array; and that array."""
    name = re.search(r"\b[xmp]\b", text)[0]
    code = compile(text, text, "eval")
    parts = {part: getattr(scipy, part) for part in PARTS}
    return lambda t: np.sum(eval(code, {"np": np, "w": W, **ARRAYS, **parts, name: t})), ARRAYS[
        name
    ]


def right(text):
    """Value under jit, gradient with and without jit."""
    f, x = function_of(text)
    v = np.cos(np.arange(x.size)).reshape(x.shape)
    h = 1e-6
    np.testing.assert_allclose(wengert.jit(f)(x), f(x), rtol=1e-9)
    slope = (f(x + h * v) - f(x - h * v)) / (2 * h)
    for gradient in (wengert.grad(f), wengert.jit(wengert.grad(f))):
        np.testing.assert_allclose(np.sum(gradient(x) * v), slope, rtol=1e-4, atol=1e-6)


def main():
    """What each call gave: nothing if it was right, an error of ours, or another error."""
    warnings.simplefilter("ignore")
    found = {}
    for text in (AWARE + REFUSED).split():
        try:
            right(text)
            found[text] = ""
        except WengertError as error:
            found[text] = f"refused: {error}"
        except (TypeError, ValueError, AttributeError, AssertionError) as error:
            found[text] = f"{type(error).__name__}: {error}"
    print(json.dumps(found))


@cache
def results(aware):
    env = {k: v for k, v in os.environ.items() if k != "SCIPY_ARRAY_API"}
    env |= {"SCIPY_ARRAY_API": "1"} if aware else {}
    done = subprocess.run([sys.executable, __file__], env=env, capture_output=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("text", AWARE.split())
def test_runs_where_scipy_is_array_aware(text):
    assert results(True)[text] == ""


@pytest.mark.parametrize("aware", [True, False])
def test_right_or_an_error_of_three_sentences(aware):
    found = results(aware)
    assert all(v == "" or v.startswith("refused") for v in found.values()), found
    assert all("This happened at" in found[t] and t in found[t] for t in REFUSED.split()), found


def test_a_number_taken_by_scipy_is_no_constant():
    """SciPy's float(x) and x.item() would drop the derivative; the user's are meant."""
    with pytest.raises(WengertError, match="optimize"):
        wengert.grad(lambda a: scipy.optimize.minimize(lambda t: (t - a) ** 2, 0.0).x[0])(2.0)


if __name__ == "__main__":
    main()
