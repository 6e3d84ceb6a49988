"""Models of any length, to see how compiling grows with what is traced: a chain of compartments that saturate."""

from typing import Any

import numpy as np

from pollux.equations import Fixed, Model, Output, Parameter, State


def chain(length: int) -> Model:
    """``length`` compartments, each emptying into the next at a rate that saturates; 7 operations for each."""

    def rates(t: Any, x: Any, p: Any, u: Any) -> dict[str, Any]:
        flows = [p.k * getattr(x, f"x{i}") / (p.K + getattr(x, f"x{i}")) for i in range(length)]
        return {f"x{i}": (flows[i - 1] if i else p.feed) - flows[i] * np.exp(-0.01 * i) for i in range(length)}

    return Model(
        f"chain-{length}", "1", "A chain that saturates", [State(f"x{i}", "mg", "amount") for i in range(length)],
        [Parameter(n, "1", "made up", Fixed(v), "made up") for n, v in (("k", 1.0), ("K", 2.0), ("feed", 0.5))], [],
        [Output("y", "mg", "the last")],
        derivative=rates, observe=lambda t, x, p, u: {"y": getattr(x, f"x{length - 1}")},
    )  # fmt: skip


LENGTHS = (8, 16, 32)
CHAIN_8, CHAIN_16, CHAIN_32 = map(chain, LENGTHS)
