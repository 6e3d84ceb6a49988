"""What is assembled computes what Python computes; what it does not know it refuses."""

import ast
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pollux.kernel.assembly import FLOAT, INT, ArrayKind, assemble
from pollux.kernel.generated import load
from pollux.kernel.writing import HEADER

# Sums of products are left out, so that nothing can be contracted and results are the same to the bit.
FUNCTIONS = {
    "branches": "if x > y:\n    z = x\nelif x == y:\n    z = 0.5\nelse:\n    z = -y\nR[0] = z",
    "chosen": "R[0] = x if (x > 0.0) & (y > 0.0) | (x != x) else (1.0 if not x < y else 0.0)",
    "conditions": "a = x > 0.0 and y > 0.0\nb = a or y < -1.0\nR[0] = 1.0 if b else 0.0\nR[1] = (x > y) + 2",
    "whole numbers": "k = n - 3\nm = -k + (n << 2)\nR[0] = float(m) / 3.0\nR[1] = (m >> 1) & 7\nR[2] = k",
    "counting": "k = 0\nfor i in range(2, n):\n    for j in range(i):\n        k += j\nR[0] = k",
    "assigned and counted with": "s = n - 1\nt = s\nfor s in range(3):\n    t += s\nfor k in range(2):\n    s = k + 5\n"
    "    for s in range(n - 4):\n        t += s\nR[0] = t\nR[1] = s",
    "no turns": "R[0] = 1.0\nfor i in range(5, n):\n    R[0] = 2.0\nfor i in range(3, 3):\n    R[0] = 3.0",
    "assigned in turn": "z = x\nz = z / y\nfor i in range(3):\n    w = z / 3.0\n    z = w - y\n    w = z\nR[0] = z",
    "elements": "for i in range(3):\n    for j in range(R.shape[0]):\n        T[i, j] += x\nR[0] = T[2, 1] - V[1, 0]",
    "parts": "R[:] = 0.0\nR[1:3] = 0.0\nadded(T, R[1:4])\nR[0] = R.shape[0]",
    "copied": "T[:] = S\nR[0] = T[1, 2]",
    "library": "R[0] = math.sqrt(math.fabs(x))\nR[1] = np.floor(y)\nR[2] = max(x, y)\nR[3] = min(x, np.inf)",
    "left early": "R[0] = first(S, y)",
    "marks": "M[1] = x > y\nR[0] = 1.0 if M[0] else 2.0",
}
ARGUMENTS = "x, y, n, R, S, T, V, M"
SHARED = """
def added(A, B):
    for i in range(B.shape[0]):
        B[i] = B[i] + A[i, 0]


def first(A, y):
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            if A[i, j] > y:
                return A[i, j]
    return -1.0
"""


def text(decorated: bool) -> str:
    bodies = {re.sub(r"\W", "_", name): body.replace("\n", "\n    ") for name, body in FUNCTIONS.items()}
    source = SHARED + "\n\n".join(f"\ndef {name}({ARGUMENTS}):\n    {body}\n" for name, body in bodies.items())
    if not decorated:
        return source
    calls = (f"@njit(**FAST)\ndef run_{name}({ARGUMENTS}):\n    {name}({ARGUMENTS})\n" for name in bodies)
    return HEADER + source.replace("\ndef ", "\n@assembled\ndef ") + "\n\n".join(calls)


def arguments(x: float, y: float) -> tuple[Any, ...]:
    square = np.arange(12.0).reshape(3, 4)
    strided = np.arange(48.0).reshape(6, 8)[::2, ::2]
    return x, y, 6, np.full(4, 7.0), square, np.ones((3, 4)), strided, np.zeros(2, np.bool_)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_assembled_function_computes_what_python_computes(name: str) -> None:
    plain: dict[str, Callable[..., None]] = {"math": math, "np": np}  # type: ignore[dict-item]
    exec(text(decorated=False), plain)
    quick = load("test", f"assembly {text(decorated=True)}", lambda: text(decorated=True))
    function = re.sub(r"\W", "_", name)
    for x, y in ((1.5, 0.25), (-2.0, 3.0), (0.5, 0.5), (math.nan, 1.0)):
        expected, found = arguments(x, y), arguments(x, y)
        with np.errstate(invalid="ignore"):
            plain[function](*expected)
        getattr(quick, f"run_{function}")(*found)
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "body",
    [
        "while x > 0.0:\n        x = x - 1.0",
        "for i in range(3):\n        x = x + 1.0\n    else:\n        x = x + 2.0",
        "return [x]",
        "x = A[0]",
        "A[0:2, 0] = 1.0",
        "y = x // 2.0",
        "n = A[x, 0]",
    ],
)
def test_what_is_not_known_is_refused(body: str) -> None:
    tree = ast.parse(f"def f(x, A):\n    {body}\n").body[0]
    assert isinstance(tree, ast.FunctionDef)
    with pytest.raises((NotImplementedError, KeyError)):
        assemble(tree, (FLOAT, ArrayKind(FLOAT, 2, True)), "f", lambda name, kinds: (name, INT), inline=False)
