"""Covariate effects as they are printed, read once: ``(CRCL / 120)**0.8 * 0.7**HD``.

Said as text, an effect is the same on the docs page and in the equations. Only arithmetic, comparisons and a few
functions are read; anything else is refused.
"""

import ast
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
        try:
            tree = ast.parse(self.text, mode="eval")
        except SyntaxError:
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
        return eval(self._code, {"__builtins__": {}, **FUNCTIONS}, dict(values))
