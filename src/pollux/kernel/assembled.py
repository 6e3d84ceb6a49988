"""Functions of generated files that numba's code calls as they are assembled, without compiling them itself.

``@assembled`` and ``@inlined`` stand in generated files where ``@njit`` would. Such a function can be called from other
such functions and from functions under ``@njit``, into whose code it is linked; numba's cache keeps the whole.
"""

import ast
import inspect
import re
import weakref
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from pollux.kernel.assembly import BOOL, DECLARED, FLOAT, INT, ArrayKind, Assembled, Kind, assemble


def assembled(function: Callable[..., Any]) -> Any:
    """A function that is assembled."""
    return _Function(function, inline=False).intrinsic


def inlined(function: Callable[..., Any]) -> Any:
    """A function that is assembled and always put where it is called, so that it runs in SIMD lanes."""
    return _Function(function, inline=True).intrinsic


class _Function:
    """A function and what was assembled from it, for each choice of its arguments' kinds."""

    def __init__(self, function: Callable[..., Any], *, inline: bool) -> None:
        self.function, self.inline = function, inline
        self._made: dict[tuple[Kind, ...], tuple[str, Assembled]] = {}
        own = inspect.signature(function)

        def define(typing, *arguments):  # type: ignore[no-untyped-def]
            return self.define(arguments)

        context = inspect.Parameter("typing", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        define.__signature__ = own.replace(parameters=[context, *own.parameters.values()])  # type: ignore[attr-defined]
        define.__name__ = define.__qualname__ = function.__name__
        self.intrinsic = intrinsic(define)
        _written[self.intrinsic] = self

    def made(self, kinds: tuple[Kind, ...]) -> tuple[str, Assembled]:
        """The symbol and the assembly for arguments of these kinds."""
        if kinds not in self._made:
            place = self.function.__globals__
            plain = re.sub(r"\W", "_", " ".join(map(_word, kinds)))
            symbol = f"{place['__name__']}.{self.function.__name__}.{plain}"
            tree = _functions(place["__file__"])[self.function.__name__]
            written = assemble(tree, kinds, symbol, self._other, inline=self.inline)
            self._made[kinds] = symbol, written
            _texts[symbol] = written
        return self._made[kinds]

    def _other(self, name: str, kinds: tuple[Kind, ...]) -> tuple[str, str]:
        symbol, written = _written[self.function.__globals__[name]].made(kinds)
        return symbol, written.returns

    def define(self, arguments: tuple[types.Type, ...]) -> tuple[Signature, Callable[..., Any]]:
        """What numba asks of an intrinsic: its signature for these arguments, and how to call it."""
        kinds = tuple(map(_kind, arguments))
        symbol, written = self.made(kinds)
        result = {"void": types.void, FLOAT: types.float64, INT: types.int64, BOOL: types.boolean}[written.returns]
        taken = [_TAKEN.get(k, a) if isinstance(k, str) else a for k, a in zip(kinds, arguments, strict=True)]

        def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
            _link(context.active_code_library, symbol)
            words: list[Any] = []
            for kind, given, value in zip(kinds, signature.args, values, strict=True):
                words += _array_words(context, builder, kind, given, value) if isinstance(kind, ArrayKind) else [value]
            returned = ir.VoidType() if written.returns == "void" else context.get_value_type(result)
            head = ir.FunctionType(returned, [word.type for word in words])
            declared = cgutils.get_or_insert_function(builder.module, head, symbol)  # type: ignore[no-untyped-call]
            called = builder.call(declared, words)
            return context.get_dummy_value() if written.returns == "void" else called

        return result(*taken), build


_written: dict[Any, _Function] = {}
_texts: dict[str, Assembled] = {}
_linked: "weakref.WeakKeyDictionary[Any, set[str]]" = weakref.WeakKeyDictionary()
_TAKEN = {FLOAT: types.float64, INT: types.int64, BOOL: types.boolean}


@cache
def _functions(path: str) -> dict[str, ast.FunctionDef]:
    """The functions of a file."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def _kind(given: types.Type) -> Kind:
    """The kind of an argument that numba knows by its type."""
    if isinstance(given, types.Array):
        element = {types.float64: FLOAT, types.int64: INT, types.boolean: "i8"}[given.dtype]
        return ArrayKind(element, given.ndim, given.layout == "C")
    if isinstance(given, types.Float):
        return FLOAT
    return BOOL if isinstance(given, types.Boolean | types.BooleanLiteral) else INT


def _word(kind: Kind) -> str:
    """A kind as part of a symbol."""
    if isinstance(kind, ArrayKind):
        return f"{kind.element}{kind.dimensions}{'c' if kind.contiguous else 'a'}"
    return kind


def _array_words(context: Any, builder: Any, kind: ArrayKind, given: types.Array, value: Any) -> list[Any]:
    """Where an array begins, its sizes, and those strides that are not known beforehand."""
    array = context.make_array(given)(context, builder, value)
    pointer = builder.bitcast(array.data, ir.IntType(8).as_pointer())
    strides = [builder.extract_value(array.strides, k) for k in range(kind.strides)]
    return [pointer, *(builder.extract_value(array.shape, k) for k in range(kind.dimensions)), *strides]


class _Parts:
    """Functions ready to be linked; for numba a library that has been compiled before."""

    def __init__(self, module: llvmlite.binding.ModuleRef) -> None:
        self._module = module
        self._reload_init: set[str] = set()

    def _ensure_finalized(self) -> None:
        """Nothing is left to do: the functions are compiled where they are linked."""

    def _get_module_for_linking(self) -> llvmlite.binding.ModuleRef:
        return self._module


def _link(library: Any, symbol: str) -> None:
    """Put a function, and all that it calls, into the code that numba is making."""
    known = _linked.setdefault(library, set())
    needed: list[str] = []
    open_ = [symbol]
    while open_:
        name = open_.pop()
        if name not in known:
            known.add(name)
            needed.append(name)
            open_ += _texts[name].calls
    if needed:
        called = {name for caller in needed for name in _texts[caller].calls} - set(needed)
        head = str(library.create_ir_module(symbol))
        texts = [*(_texts[name].declaration for name in called), *(_texts[name].text for name in needed)]
        module = llvmlite.binding.parse_assembly("\n".join([head, DECLARED, *texts]))
        module.verify()
        library.add_linking_library(_Parts(module))
