"""What a traced function may not do with an array, said with the function's name and torch's spelling of it.

`math.exp(x)` and `if x > 0` need the value of an array while tracing has none. Python only tells us that `float(x)` or `bool(x)` was
asked for; which call asked is read from the instruction that the calling frame is at.
"""

import builtins
import dis
from types import CodeType, FrameType
from typing import Any

import torch

from netgraph.errors import NetTypeError

_SPELLINGS = {
    "max": "Max(x, y), torch.maximum(x, y) or x.amax()",
    "min": "Min(x, y), torch.minimum(x, y) or x.amin()",
    "float": "x.float()",
    "int": "torch.trunc(x)",
    "bool": "a comparison such as x != 0",
    "round": "torch.round(x)",
    "sorted": "torch.sort(x).values",
    "any": "torch.any(x)",
    "all": "torch.all(x)",
    "range": "a size of the array, such as len(x)",
    "math.pow": "x ** y",
    "math.fabs": "torch.abs(x)",
    "math.gamma": "Gamma(x)",
    "math.lgamma": "torch.lgamma(x)",
    "math.fsum": "torch.sum(x)",
    "math.dist": "EuclideanDistance(x, y)",
    "math.degrees": "torch.rad2deg(x)",
    "math.radians": "torch.deg2rad(x)",
    "math.cbrt": "CubeRoot(x)",
    "numpy.array": "torch.stack",
    "numpy.concatenate": "torch.cat",
    "numpy.cbrt": "CubeRoot(x)",
    "numpy.power": "x ** y",
    "numpy.interp": "torch functions",
    "numpy.rint": "torch.round(x)",
}

_BRANCH = "torch.where(c, a, b) instead of if, & | ~ instead of and, or, not"


def refusal(frame: FrameType, wanted: str) -> NetTypeError:
    """The error for `wanted` ("bool", "float", "int", "index") asked of an array by the code at `frame`."""
    instructions = [ins for ins in dis.get_instructions(frame.f_code) if ins.offset <= frame.f_lasti]
    now = instructions[-1].opname if instructions else ""
    origins = [("here", f"{frame.f_code.co_name}, line {frame.f_lineno} of {_file(frame.f_code)}")]
    if now.startswith("CALL"):
        name = _called(frame, instructions)
        if name is not None:
            return _error(name, origins)
    elif wanted == "bool":
        what = "in" if now == "CONTAINS_OP" else "not" if now == "UNARY_NOT" else "if"
        said = {"in": "`in`", "not": "`not`", "if": "`if`, `while`, `and`, `or` or a chain of comparisons"}[what]
        fix = {"in": "(x == value).any(...)", "not": "~c or torch.logical_not(c)", "if": _BRANCH}[what]
        return NetTypeError(
            f"{said} cannot be traced: it needs the value of an array, and a traced function has none", origins=origins, fix=fix
        )
    return NetTypeError(f"{wanted}(x) of an array cannot be traced: it needs a value, and a traced function has none", origins=origins)


def refusal_of_numpy(name: str) -> NetTypeError:
    """The error for a NumPy function called on a traced array."""
    return _error(f"numpy.{name}", [])


def _error(name: str, origins: list) -> NetTypeError:
    bare = name.rpartition(".")[2]
    fix = None
    if name in _SPELLINGS:
        fix = f"{_SPELLINGS[name]} instead of {name}"
    elif hasattr(torch, bare):
        fix = f"torch.{bare}(x) instead of {name}(x)"
    return NetTypeError(
        f"{name} cannot be traced: it needs the value of an array, and a traced function has none", origins=origins, fix=fix
    )


def _file(code: CodeType) -> str:
    return code.co_filename.replace("\\", "/").rpartition("/")[2]


def _called(frame: FrameType, instructions: list[dis.Instruction]) -> str | None:
    """The name of the function that the last instruction calls, as "max" or "math.exp"; None if it cannot be told."""
    call = instructions[-1]
    if call.opname not in ("CALL", "CALL_KW") or call.arg is None:
        return None
    before = instructions[:-1]
    if before and before[-1].opname == "PRECALL":
        before.pop()
    missing = call.arg + (3 if call.opname == "CALL_KW" else 2)
    start = len(before)
    while missing > 0 and start > 0:
        start -= 1
        missing -= dis.stack_effect(before[start].opcode, before[start].arg, jump=False)
    words: list[str] = []
    for ins in before[start:]:
        if (ins.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FAST", "LOAD_DEREF", "LOAD_FAST_BORROW") and not words) or (
            ins.opname in ("LOAD_ATTR", "LOAD_METHOD") and words
        ):
            words.append(ins.argval)
        elif ins.opname != "PUSH_NULL":
            break
    return _full_name(frame, words) if words else None


def _full_name(frame: FrameType, words: list[str]) -> str | None:
    found: Any = None
    for scope in (frame.f_locals, frame.f_globals, vars(builtins)):
        if words[0] in scope:
            found = scope[words[0]]
            break
    for word in words[1:]:
        found = getattr(found, word, None)
    name, module = getattr(found, "__name__", None), getattr(found, "__module__", None)
    if name is None or not callable(found):
        return None
    return name if module in ("builtins", None) else f"{module}.{name}"
