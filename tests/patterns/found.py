"""Every regular expression of ``kg``: those that its modules hold, and those that are written where they are used."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

import kg

Pattern = re.Pattern[Any]
FUNCTIONS = ("compile", "search", "match", "fullmatch", "split", "findall", "finditer", "sub", "subn")
"""Functions of ``re`` whose first argument is a pattern."""


class Used(msgspec.Struct, frozen=True):
    """A pattern, and where it stands: ``kg.lexicon._BREAK``, or ``kg.lexicon:17`` where a function holds its text."""

    name: str
    pattern: Pattern


def list_modules() -> list[ModuleType]:
    """All modules of ``kg``, imported."""
    names = [one.name for one in pkgutil.walk_packages(kg.__path__, "kg.") if not one.name.endswith("__main__")]
    return [importlib.import_module(name) for name in names]


def list_held(module: ModuleType) -> Iterator[Used]:
    """Patterns in a module's globals, also inside of tables, records, partial functions and classes."""
    for name, value in vars(module).items():
        if not name.startswith("__"):
            for path, pattern in _find_patterns(value, module.__name__, set()):
                yield Used(f"{module.__name__}.{name}{path}", pattern)


def _find_patterns(value: Any, module: str, seen: set[int]) -> Iterator[tuple[str, Pattern]]:
    if isinstance(value, re.Pattern):
        yield "", value
    if id(value) in seen or isinstance(value, str | bytes | int | float | ModuleType):
        return
    seen.add(id(value))
    for step, part in _list_parts(value, module):
        for path, pattern in _find_patterns(part, module, seen):
            yield f"{step}{path}", pattern


def _list_parts(value: Any, module: str) -> Iterator[tuple[str, Any]]:
    """What a value holds, each with the step that leads to it."""
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", one) for key, one in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        yield from ((f"[{at}]", one) for at, one in enumerate(value))
    elif isinstance(value, partial):
        yield from ((".args", value.args), (".keywords", value.keywords))
    elif isinstance(value, type):
        yield from ((f".{key}", one) for key, one in vars(value).items() if value.__module__ == module)
    elif isinstance(value, msgspec.Struct):
        yield from ((f".{key}", getattr(value, key)) for key in value.__struct_fields__)
    elif inspect.ismethod(value) or inspect.isbuiltin(value):
        yield "", value.__self__
    elif type(value).__module__.startswith("kg.") and hasattr(value, "__dict__"):
        yield from ((f".{key}", one) for key, one in vars(value).items())


def list_written(module: ModuleType) -> Iterator[tuple[str, Pattern | None]]:
    """Patterns that functions of a module write where they use them; None where only a run tells the text."""
    for function in ast.walk(_parse(module)):
        if isinstance(function, ast.FunctionDef):
            for call in filter(_takes_pattern, ast.walk(function)):
                assert isinstance(call, ast.Call)
                yield f"{module.__name__}:{function.name}", _evaluate(call, module)


def _parse(module: ModuleType) -> ast.Module:
    return ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))


def _takes_pattern(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in FUNCTIONS
    )


def _evaluate(call: ast.Call, module: ModuleType) -> Pattern | None:
    """The pattern of a call, where the module's globals are enough to know it."""
    flags = [one.value for one in call.keywords if one.arg == "flags"] + [
        one for one in call.args[1:] if isinstance(one, ast.Attribute) and getattr(one.value, "id", "") == "re"
    ]
    try:
        text, *told = (
            eval(compile(ast.Expression(one), "pattern", "eval"), dict(vars(module)))  # noqa: S307  # our own source
            for one in (call.args[0], *flags)
        )
    except NameError:
        return None
    return text if isinstance(text, re.Pattern) else re.compile(text, *told)


def list_uses(module: ModuleType) -> dict[str, set[str]]:
    """How a module uses its patterns, by name: ``match`` and ``fullmatch`` only where they look at the whole text."""
    uses: dict[str, set[str]] = {}
    for node in ast.walk(_parse(module)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            uses.setdefault(node.value.id, set()).add(node.attr)
        if isinstance(node, ast.Call) and len(node.args) > 1 and isinstance(node.func, ast.Attribute):
            uses.setdefault(getattr(node.func.value, "id", ""), set()).add("at a place")
    return uses
