"""Covariate effects as they are printed, read once: ``(CRCL / 120)**0.8 * 0.7**HD``.

Said as text, an effect is the same on the docs page and in the equations. Only arithmetic, comparisons and a few
functions are read; anything else is refused, and so is what is longer, deeper or larger than an effect can be: reading
it takes no time, whoever wrote it.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pollux.errors import ModelError

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "exp": np.exp,
    "log": np.log,
    "log10": lambda x: np.log(x) / np.log(10.0),
    "minimum": np.minimum,
    "maximum": np.maximum,
    "where": np.where,
}
_ALLOWED = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call, ast.Name, ast.Load, ast.Constant, ast.Add, ast.Sub,
    ast.Mult, ast.Div, ast.Pow, ast.USub, ast.UAdd, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq,
)  # fmt: skip
LONGEST, DEEPEST, LARGEST = 1000, 50, 1e12  # signs, brackets and operations within each other, value of a number
_BY: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip


@dataclass(frozen=True)
class Expression:
    """An effect in terms of named values.

    >>> effect = Expression("(CRCL / 120)**0.8 * where(HD == 1, 0.7, 1)")
    >>> effect.names, round(float(effect({"CRCL": 60.0, "HD": 1.0})), 4)
    (('CRCL', 'HD'), 0.402)
    """

    text: str

    def __post_init__(self) -> None:
        self._code  # noqa: B018 - read once, so that a wrong one is refused where it is written

    @cached_property
    def _tree(self) -> ast.Expression:
        if len(self.text) > LONGEST:
            raise ModelError(f"the effect '{self.text[:40]}…' is longer than {LONGEST} signs")
        try:
            tree = ast.parse(self.text, mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ModelError(f"the effect '{self.text}' cannot be read") from None
        for node in ast.walk(tree):
            called = node.func if isinstance(node, ast.Call) else None
            if not isinstance(node, _ALLOWED) or (
                called is not None and not (isinstance(called, ast.Name) and called.id in FUNCTIONS)
            ):
                raise ModelError(
                    f"the effect '{self.text}' uses more than arithmetic",
                    advice=f"There are + - * / **, comparisons, and {', '.join(FUNCTIONS)}.",
                )
            if isinstance(node, ast.Constant) and not isinstance(node.value, int | float):
                raise ModelError(f"the effect '{self.text}' contains something that is not a number")
        if _depth(tree) > DEEPEST:
            raise ModelError(f"the effect '{self.text}' is deeper than {DEEPEST} operations within each other")
        try:
            _number(tree.body)
        except (OverflowError, ZeroDivisionError):
            raise ModelError(f"the effect '{self.text}' has a number that is larger than {LARGEST:g}") from None
        return tree

    @cached_property
    def _code(self) -> Any:
        return compile(self._tree, "effect", "eval")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The values that it uses, in order of appearance."""
        found = [n for n in ast.walk(self._tree) if isinstance(n, ast.Name) and n.id not in FUNCTIONS]
        return tuple(dict.fromkeys(n.id for n in sorted(found, key=lambda n: n.col_offset)))

    def __call__(self, values: Mapping[str, Any]) -> Any:
        """The effect at these values: numbers, arrays or traced symbols."""
        given = {name: float(value) if type(value) is int else value for name, value in values.items()}
        try:
            return eval(self._code, {"__builtins__": {}, **FUNCTIONS}, given)
        except (OverflowError, ZeroDivisionError):
            raise ModelError(f"the effect '{self.text}' has no value here") from None


def _depth(tree: ast.AST) -> int:
    level, depth = [tree], 0
    while level:
        level, depth = [child for node in level for child in ast.iter_child_nodes(node)], depth + 1
    return depth


def _number(node: ast.expr) -> float | None:
    """The value of what is made of numbers alone, else None; raises `OverflowError` where it is too large.

    In floats, so that no power of whole numbers is ever carried out.
    """
    if isinstance(node, ast.Constant):
        value: float | None = float(node.value)  # type: ignore[arg-type]  # what is no number was refused
    elif isinstance(node, ast.UnaryOp):
        value = _number(node.operand)
    elif isinstance(node, ast.BinOp):
        left, right = _number(node.left), _number(node.right)
        value = None if left is None or right is None else _BY[type(node.op)](left, right)
    else:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                _number(child)
        value = None
    if value is not None and not abs(value) <= LARGEST:
        raise OverflowError
    return value
