"""What tells one result from another: a result is taken over only where nothing that made it has changed.

A key is a digest of the settings, the clicks, and the code: the modules that a model is made by and everything of ours
that these import. Of the code, what it does counts: comments, docstrings and layout do not.
"""

import ast
import io
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

import msgspec
import polars as pl

from models.preparation.prepared_data import PreparedData

_ROOT = Path(__file__).parents[2]
_OURS = ("models", "export", "nextclick")
# The unions of all kinds: a new kind changes none of the others.
_LISTS_OF_KINDS = ".kinds"


def digest(*parts: object) -> str:
    """Return what tells these parts from others, hexadecimal."""
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:32]


def data_digest(data: PreparedData) -> str:
    """Return what tells this data set, description, clicks and catalogue, from another."""
    tables = (table for table in (data.train, data.test, data.catalogue) if table is not None)
    return digest(data.description, *(sha256(_table_bytes(table)).hexdigest() for table in tables))


def _table_bytes(table: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    table.rechunk().write_ipc(file, compression="uncompressed")
    return file.getvalue()


def source_digest(modules: Iterable[str]) -> str:
    """Return what tells the code of these modules, and of ours that they import, from another state of it."""
    waiting, found = list(modules), dict[str, str]()
    while waiting:
        name = waiting.pop()
        path = None if name in found or name.endswith(_LISTS_OF_KINDS) else _source_of(name)
        if path is not None:
            found[name], imported = _read(path.read_text(encoding="utf-8"))
            waiting += imported
    return digest(sorted(found.items()))


def _source_of(name: str) -> Path | None:
    """Return the file of one of our modules; None for anybody else's, or where the name is none of a module's."""
    package, *parts = name.split(".")
    if package not in _OURS:
        return None
    place = _ROOT.joinpath(package, *parts)
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in files if file.is_file()), None)


@cache
def _read(source: str) -> tuple[str, tuple[str, ...]]:
    """Return what a module does, as text, and the names that it imports."""
    tree = ast.parse(source)
    imported = tuple(_imported(tree))
    return ast.dump(_without_docstrings(tree)), imported


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree
