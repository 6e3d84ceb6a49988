"""Python functions of plain numbers as LLVM assembly: what numba makes of them, without inferring types.

For long generated code numba spends most of its time on types, although there is nothing to find out: every value is a
``double``, an ``i64`` or an ``i1``, and which of them follows from the operation. Here one pass over the syntax tree
writes the assembly. The language is what the kernel generates: arithmetic, comparisons, ``a if c else b``, elements of
arrays, ``for … in range``, ``if``, calls of other such functions. Both sides of ``a if c else b``, ``and`` and ``or``
are computed; an index is never negative; a variable keeps one kind.
"""

import ast
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

FLOAT, INT, BOOL = "double", "i64", "i1"


@dataclass(frozen=True)
class ArrayKind:
    """An array of ``element`` ("double", "i64", "i8" for bool); the last index of a ``contiguous`` one steps by one."""

    element: str
    dimensions: int
    contiguous: bool

    @property
    def strides(self) -> int:
        """How many strides are not known beforehand."""
        return self.dimensions - self.contiguous


Kind = str | ArrayKind


@dataclass(frozen=True)
class Array:
    """An array at hand: where it begins, its sizes and its strides in bytes."""

    kind: ArrayKind
    pointer: str
    sizes: tuple[str, ...]
    strides: tuple[str, ...]

    def words(self) -> list[str]:
        """What is handed to a function for it."""
        return [f"ptr {self.pointer}", *(f"i64 {word}" for word in (*self.sizes, *self.strides))]


@dataclass(frozen=True)
class Number:
    """A value at hand: a register or a literal, and its kind."""

    kind: str
    text: str


Value = Array | Number
# The symbol and the kind ("void": none) that a function of this name returns for arguments of these kinds.
Find = Callable[[str, tuple[Kind, ...]], tuple[str, str]]

_ARITHMETIC = {
    ast.Add: ("fadd", "add nsw"), ast.Sub: ("fsub", "sub nsw"), ast.Mult: ("fmul", "mul nsw"), ast.Div: ("fdiv", ""),
    ast.LShift: ("", "shl"), ast.RShift: ("", "ashr"), ast.BitAnd: ("", "and"), ast.BitOr: ("", "or"),
}  # fmt: skip
_COMPARED = {
    ast.Lt: ("olt", "slt"), ast.LtE: ("ole", "sle"), ast.Gt: ("ogt", "sgt"), ast.GtE: ("oge", "sge"),
    ast.Eq: ("oeq", "eq"), ast.NotEq: ("une", "ne"),
}  # fmt: skip
_LIBRARY = {"math.fabs": "fabs", "math.sqrt": "sqrt", "math.exp": "exp", "math.log": "log", "np.floor": "floor",
            "np.ceil": "ceil", "np.log2": "log2"}  # fmt: skip
# As numba with fastmath {contract, nsz, arcp}, which it hands down to all that a function calls.
_FAST = "nsz arcp contract "

DECLARED = "\n".join(
    [
        *(f"declare double @llvm.{name}.f64(double)" for name in _LIBRARY.values()),
        "declare double @llvm.fma.f64(double, double, double)",
        "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)",
        "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
    ]
)


@dataclass
class Assembled:
    """A function as assembly, the kind it returns, and the symbols that it calls."""

    declaration: str
    text: str
    returns: str
    calls: tuple[str, ...]


def assemble(function: ast.FunctionDef, kinds: Sequence[Kind], symbol: str, find: Find, *, inline: bool) -> Assembled:
    """Write one function for arguments of these kinds; ``inline``: always put where it is called."""
    writer = _Writer(function, find)
    words = writer.arguments(kinds)
    writer.body(function.body)
    writer.end()
    head = f"{writer.returns} @{symbol}({', '.join(words)}) nounwind"
    opening = f"define linkonce_odr {head} {'alwaysinline ' if inline else ''}{{"
    text = "\n".join([opening, "entry:", *writer.slots, *writer.lines, "}"])
    return Assembled(f"declare {head}", text, writer.returns, tuple(writer.calls))


def _places(statements: list[ast.stmt], path: tuple[int, ...] = ()) -> Iterator[tuple[str, bool, tuple[int, ...]]]:
    """Each mention of a variable as it comes: its name, whether it is assigned, and the blocks it stands in."""
    for statement in statements:
        if isinstance(statement, ast.Assign | ast.AugAssign):
            yield from _names(statement.value, path)
            for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
                if isinstance(target, ast.Name):
                    if isinstance(statement, ast.AugAssign):
                        yield target.id, False, path
                    yield target.id, True, path
                else:
                    yield from _names(target, path)
        elif isinstance(statement, ast.For | ast.If):
            yield from _names(statement.iter if isinstance(statement, ast.For) else statement.test, path)
            for block in (statement.body, statement.orelse):
                yield from _places(block, (*path, id(block)))
        else:
            yield from _names(statement, path)


def _names(node: ast.AST, path: tuple[int, ...]) -> Iterator[tuple[str, bool, tuple[int, ...]]]:
    for found in ast.walk(node):
        if isinstance(found, ast.Name):
            yield found.id, False, path


def _kept(function: ast.FunctionDef) -> set[str]:
    """Variables that need a place in memory: they are assigned in more than one block, or assigned and counted with."""
    home: dict[str, tuple[int, ...]] = {a.arg: (0,) for a in function.args.args}
    assigned = {name for name, is_assigned, _ in _places(function.body) if is_assigned}
    counted = {
        loop.target.id for loop in ast.walk(function) if isinstance(loop, ast.For) and isinstance(loop.target, ast.Name)
    }
    kept = assigned & (set(home) | counted)
    for name, is_assigned, path in _places(function.body):
        if name in assigned:
            if not is_assigned and home.get(name) is None:
                kept.add(name)
            first = home.setdefault(name, path)
            if (path != first) if is_assigned else (path[: len(first)] != first):
                kept.add(name)
    return kept


class _Writer:
    """Writes the body of one function, line by line."""

    def __init__(self, function: ast.FunctionDef, find: Find) -> None:
        self.function, self.find = function, find
        self.lines: list[str] = []
        self.slots: list[str] = []
        self.returns = "void"
        self.calls: dict[str, None] = {}
        self._kept = _kept(function)
        self._kind: dict[str, str] = {}  # of variables that have a place in memory
        self._value: dict[str, Value] = {}
        self._block = "entry"
        self._open = True
        self._count = 0

    def arguments(self, kinds: Sequence[Kind]) -> list[str]:
        """Give every argument its value; how they stand in the head of the function."""
        words: list[str] = []
        for argument, kind in zip(self.function.args.args, kinds, strict=True):
            name = argument.arg
            if isinstance(kind, ArrayKind):
                sizes = tuple(f"%a.{name}.n{k}" for k in range(kind.dimensions))
                strides = tuple(f"%a.{name}.s{k}" for k in range(kind.strides))
                array = Array(kind, f"%a.{name}", sizes, strides)
                self._value[name] = array
                words += array.words()
            else:
                self.assign(name, Number(kind, f"%a.{name}"))
                words.append(f"{kind} %a.{name}")
        return words

    def end(self) -> None:
        """Close the last block."""
        if self._open:
            self.lines.append("  ret void" if self.returns == "void" else "  unreachable")

    # --- lines and blocks

    def put(self, kind: str, text: str) -> Number:
        """A line that gives a new value."""
        self._count += 1
        self.lines.append(f"  %r{self._count} = {text}")
        return Number(kind, f"%r{self._count}")

    def label(self) -> str:
        """A name for a block to come."""
        self._count += 1
        return f"b{self._count}"

    def enter(self, label: str) -> None:
        """What follows stands in this block."""
        self.lines.append(f"{label}:")
        self._block, self._open = label, True

    def leave(self, text: str) -> None:
        """End the present block, if nothing has ended it."""
        if self._open:
            self.lines.append(f"  {text}")
        self._open = False

    # --- statements

    def body(self, statements: list[ast.stmt]) -> None:
        """Write one statement after the other."""
        for statement in statements:
            match statement:
                case ast.Assign(targets=[ast.Name(name)], value=value):
                    self.assign(name, self.number(value))
                case ast.Assign(targets=[ast.Subscript() as place], value=value):
                    self.store(place, value)
                case ast.AugAssign(target=ast.Name(name) as place, op=op, value=value):
                    self.assign(name, self.arithmetic(op, self.number(_read(place)), self.number(value)))
                case ast.AugAssign(target=ast.Subscript() as place, op=op, value=value):
                    self.store(place, ast.BinOp(_read(place), op, value))
                case ast.For(
                    target=ast.Name(name), iter=ast.Call(func=ast.Name("range"), args=limits), body=body, orelse=[]
                ):
                    self.loop(name, [self.number(limit) for limit in limits], body)
                case ast.If():
                    self.branch(statement)
                case ast.Return(value=ast.expr() as value):
                    result = self.number(value)
                    self.returns = result.kind
                    self.leave(f"ret {result.kind} {result.text}")
                case ast.Expr(value=ast.Call() as call):
                    self.call(call)
                case ast.Pass():
                    pass
                case _:
                    raise NotImplementedError(ast.unparse(statement))

    def assign(self, name: str, value: Number) -> None:
        """A variable becomes a value."""
        if name not in self._kept:
            self._value[name] = value
            return
        if name not in self._kind:
            self._kind[name] = value.kind
            self.slots.append(f"  %v.{name} = alloca {value.kind}")
        value = self.turned(value, self._kind[name])
        self.lines.append(f"  store {value.kind} {value.text}, ptr %v.{name}")

    def store(self, place: ast.Subscript, value: ast.expr) -> None:
        """An element becomes a value, or an array that lies in one piece becomes 0 or another of its size."""
        array = self.array(place.value)
        if isinstance(place.slice, ast.Slice):
            part = self.part(array, place.slice)
            count = self.put(INT, f"mul nsw i64 {part.sizes[0]}, 8")
            for size in part.sizes[1:]:
                count = self.put(INT, f"mul nsw i64 {count.text}, {size}")
            source = self._value.get(value.id) if isinstance(value, ast.Name) else None
            if isinstance(source, Array) and source.kind == array.kind:
                words = f"ptr {part.pointer}, ptr {source.pointer}, i64 {count.text}, i1 false"
                self.lines.append(f"  call void @llvm.memcpy.p0.p0.i64({words})")
            elif isinstance(value, ast.Constant) and value.value == 0.0:
                self.lines.append(
                    f"  call void @llvm.memset.p0.i64(ptr {part.pointer}, i8 0, i64 {count.text}, i1 false)"
                )
            else:
                raise NotImplementedError(ast.unparse(place))
            return
        number = self.turned(self.number(value), BOOL if array.kind.element == "i8" else array.kind.element)
        if array.kind.element == "i8":
            number = self.put("i8", f"zext i1 {number.text} to i8")
        where = self.element(array, place.slice)
        self.lines.append(f"  store {number.kind} {number.text}, ptr {where}")

    def loop(self, name: str, limits: list[Number], body: list[ast.stmt]) -> None:
        """``for name in range(limits)``."""
        start, stop = limits if len(limits) == 2 else (Number(INT, "0"), limits[0])
        first, last, end = self.label(), self.label(), self.label()
        before = self._block
        if all(limit.text.isdigit() for limit in (start, stop)):
            if int(stop.text) <= int(start.text):
                return
            self.leave(f"br label %{first}")
        else:
            some = self.put(BOOL, f"icmp slt i64 {start.text}, {stop.text}")
            self.leave(f"br i1 {some.text}, label %{first}, label %{end}")
        self.enter(first)
        self._count += 1
        following = f"%r{self._count}"
        turn = self.put(INT, f"phi i64 [ {start.text}, %{before} ], [ {following}, %{last} ]")
        self.assign(name, turn)
        self.body(body)
        self.leave(f"br label %{last}")
        self.enter(last)
        self.lines.append(f"  {following} = add nsw i64 {turn.text}, 1")
        again = self.put(BOOL, f"icmp slt i64 {following}, {stop.text}")
        self.leave(f"br i1 {again.text}, label %{first}, label %{end}")
        self.enter(end)

    def branch(self, statement: ast.If) -> None:
        """``if … else``."""
        test = self.turned(self.number(statement.test), BOOL)
        yes, no, end = self.label(), self.label(), self.label()
        self.leave(f"br i1 {test.text}, label %{yes}, label %{no}")
        for label, body in ((yes, statement.body), (no, statement.orelse)):
            self.enter(label)
            self.body(body)
            self.leave(f"br label %{end}")
        self.enter(end)

    # --- values

    def value(self, node: ast.expr) -> Value:
        """What an argument of a call stands for."""
        named = isinstance(node, ast.Name) and isinstance(self._value.get(node.id), Array)
        part = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)
        return self.array(node) if named or part else self.number(node)

    def array(self, node: ast.expr) -> Array:
        """An array or a part of one."""
        match node:
            case ast.Name(name) if isinstance(found := self._value[name], Array):
                return found
            case ast.Subscript(value=value, slice=ast.Slice() as piece):
                return self.part(self.array(value), piece)
        raise NotImplementedError(ast.unparse(node))

    def part(self, array: Array, piece: ast.Slice) -> Array:
        """``array[lower : upper]``."""
        if piece.lower is None or piece.upper is None:
            return array
        lower, upper = self.number(piece.lower), self.number(piece.upper)
        size = self.arithmetic(ast.Sub(), upper, lower)
        return Array(array.kind, self.element(array, piece.lower), (size.text,), array.strides)

    def element(self, array: Array, index: ast.expr) -> str:
        """Where an element stands."""
        indices = index.elts if isinstance(index, ast.Tuple) else [index]
        numbers = [self.turned(self.number(i), INT).text for i in indices]
        if len(numbers) != array.kind.dimensions:
            raise NotImplementedError(ast.unparse(index))
        pointer = array.pointer
        for number, stride in zip(numbers, array.strides, strict=False):
            far = self.put(INT, f"mul nsw i64 {number}, {stride}")
            pointer = self.put("ptr", f"getelementptr inbounds i8, ptr {pointer}, i64 {far.text}").text
        if array.kind.contiguous:
            element = array.kind.element
            pointer = self.put("ptr", f"getelementptr inbounds {element}, ptr {pointer}, i64 {numbers[-1]}").text
        return pointer

    def number(self, node: ast.expr) -> Number:
        """The value of an expression."""
        match node:
            case ast.Constant(value=bool() | int() | float() as value):
                return _literal(value)
            case ast.Name(name):
                return self.variable(name)
            case ast.Attribute(value=ast.Name("np"), attr="inf" | "nan" as name):
                return _literal(float(name))
            case ast.Subscript(value=ast.Attribute(value=array, attr="shape"), slice=ast.Constant(value=int() as k)):
                return Number(INT, self.array(array).sizes[k])
            case ast.Subscript(value=value, slice=index):
                return self.load(self.array(value), index)
            case ast.UnaryOp(op=op, operand=operand):
                return self.unary(op, operand)
            case ast.BinOp(left=left, op=op, right=right):
                return self.arithmetic(op, self.number(left), self.number(right))
            case ast.BoolOp(op=op, values=values):
                conditions = [self.turned(self.number(v), BOOL) for v in values]
                joined = conditions[0]
                for other in conditions[1:]:
                    word = "and" if isinstance(op, ast.And) else "or"
                    joined = self.put(BOOL, f"{word} i1 {joined.text}, {other.text}")
                return joined
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self.compare(op, self.number(left), self.number(right))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                condition = self.turned(self.number(test), BOOL)
                return self.select(condition, self.number(body), self.number(orelse))
            case ast.Call():
                return self.call(node)
        raise NotImplementedError(ast.unparse(node))

    def variable(self, name: str) -> Number:
        """What a variable is now."""
        if name in self._kind:
            return self.put(self._kind[name], f"load {self._kind[name]}, ptr %v.{name}")
        found = self._value[name]
        assert isinstance(found, Number)
        return found

    def load(self, array: Array, index: ast.expr) -> Number:
        """An element."""
        element = array.kind.element
        loaded = self.put(element, f"load {element}, ptr {self.element(array, index)}")
        return self.put(BOOL, f"icmp ne i8 {loaded.text}, 0") if element == "i8" else loaded

    def unary(self, op: ast.unaryop, operand: ast.expr) -> Number:
        """``-a`` or ``not a``."""
        if isinstance(op, ast.USub) and isinstance(operand, ast.Constant) and isinstance(operand.value, int | float):
            return _literal(-operand.value)
        value = self.number(operand)
        if isinstance(op, ast.Not):
            return self.put(BOOL, f"xor i1 {self.turned(value, BOOL).text}, true")
        if not isinstance(op, ast.USub):
            raise NotImplementedError(ast.unparse(operand))
        if value.kind == FLOAT:
            return self.put(FLOAT, f"fneg {_FAST}double {value.text}")
        return self.put(INT, f"sub nsw i64 0, {self.turned(value, INT).text}")

    def arithmetic(self, op: ast.operator, a: Number, b: Number) -> Number:
        """``a op b``."""
        by_float, by_int = _ARITHMETIC[type(op)]
        if a.kind == b.kind == BOOL and by_int in ("and", "or"):
            return self.put(BOOL, f"{by_int} i1 {a.text}, {b.text}")
        kind = FLOAT if FLOAT in (a.kind, b.kind) or not by_int else INT
        a, b = self.turned(a, kind), self.turned(b, kind)
        word = f"{by_float} {_FAST}" if kind == FLOAT else f"{by_int} "
        return self.put(kind, f"{word}{kind} {a.text}, {b.text}")

    def compare(self, op: ast.cmpop, a: Number, b: Number) -> Number:
        """Whether ``a op b``."""
        by_float, by_int = _COMPARED[type(op)]
        kind = FLOAT if FLOAT in (a.kind, b.kind) else INT
        a, b = self.turned(a, kind), self.turned(b, kind)
        word = f"fcmp {_FAST}{by_float}" if kind == FLOAT else f"icmp {by_int}"
        return self.put(BOOL, f"{word} {kind} {a.text}, {b.text}")

    def select(self, condition: Number, a: Number, b: Number) -> Number:
        """``a if condition else b``."""
        kind = a.kind if a.kind == b.kind else FLOAT if FLOAT in (a.kind, b.kind) else INT
        a, b = self.turned(a, kind), self.turned(b, kind)
        return self.put(kind, f"select i1 {condition.text}, {kind} {a.text}, {kind} {b.text}")

    def turned(self, value: Number, kind: str) -> Number:
        """The value as another kind."""
        if value.kind == kind:
            return value
        if kind == BOOL:
            return self.compare(ast.NotEq(), value, Number(INT, "0") if value.kind == INT else _literal(0.0))
        if kind == FLOAT and value.kind == INT and not value.text.startswith("%"):
            return _literal(float(value.text))
        if kind == FLOAT:
            return self.put(FLOAT, f"sitofp i64 {self.turned(value, INT).text} to double")
        if value.kind == BOOL:
            return self.put(INT, f"zext i1 {value.text} to i64")
        raise NotImplementedError(f"a number with a fraction stands for a whole one in {self.function.name}")

    # --- calls

    def call(self, node: ast.Call) -> Number:
        """A call of a function that is built in, or of another that is assembled."""
        name = ast.unparse(node.func)
        values = [self.value(a) for a in node.args]
        numbers = [v for v in values if isinstance(v, Number)]
        match name:
            case "float":
                return self.turned(numbers[0], FLOAT)
            case "int":
                return self.put(INT, f"fptosi double {numbers[0].text} to i64")
            case "_bits":
                return self.put(INT, f"bitcast double {numbers[0].text} to i64")
            case "_float":
                return self.put(FLOAT, f"bitcast i64 {numbers[0].text} to double")
            case "_fma":
                words = ", ".join(f"double {self.turned(n, FLOAT).text}" for n in numbers)
                return self.put(FLOAT, f"call {_FAST}double @llvm.fma.f64({words})")
            case "max" | "min":  # as Python: the first, unless the second is more, or less
                first, second = numbers
                more = self.compare(ast.Gt() if name == "max" else ast.Lt(), second, first)
                return self.select(more, second, first)
        if name in _LIBRARY:
            number = self.turned(numbers[0], FLOAT)
            return self.put(FLOAT, f"call {_FAST}double @llvm.{_LIBRARY[name]}.f64(double {number.text})")
        symbol, returns = self.find(name, tuple(v.kind for v in values))
        self.calls[symbol] = None
        words = ", ".join(w for v in values for w in (v.words() if isinstance(v, Array) else [f"{v.kind} {v.text}"]))
        if returns == "void":
            self.lines.append(f"  call void @{symbol}({words})")
            return Number("void", "")
        flags = _FAST if returns == FLOAT else ""
        return self.put(returns, f"call {flags}{returns} @{symbol}({words})")


def _read(place: ast.expr) -> ast.expr:
    """The same place, to be read."""
    if isinstance(place, ast.Name):
        return ast.Name(place.id, ast.Load())
    assert isinstance(place, ast.Subscript)
    return ast.Subscript(place.value, place.slice, ast.Load())


def _literal(value: bool | int | float) -> Number:
    """A literal, exact to the bit."""
    if isinstance(value, bool):
        return Number(BOOL, "true" if value else "false")
    if isinstance(value, int):
        return Number(INT, str(value))
    return Number(FLOAT, f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}")
