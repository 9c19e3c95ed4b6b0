"""The page's files fit together: no build step finds out for us."""

import re

from nextclick.page import messages
from nextclick.page.routes import STATIC

INDEX = (STATIC / "index.html").read_text(encoding="utf-8")
SCRIPTS = {path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("*.js")}


def test_every_file_that_is_asked_for_is_there() -> None:
    """What the page and its scripts name lies beside them, and nothing lies there that nobody names."""
    named = set(re.findall(r"/static/([\w.-]+)", INDEX))
    for script in SCRIPTS.values():
        named |= set(re.findall(r'from "\./([\w.-]+)"', script))
    assert named | {"index.html"} == {path.name for path in STATIC.iterdir()}


def test_every_element_that_a_script_looks_for_is_on_the_page() -> None:
    """Each id of `byId` is an id of index.html."""
    ids = set(re.findall(r'\bid="([\w-]+)"', INDEX))
    sought = {name for script in SCRIPTS.values() for name in re.findall(r'byId\("([\w-]+)"\)', script)}
    assert sought <= ids


def test_nothing_comes_from_elsewhere() -> None:
    """No address of another host, but for the name of SVG's namespace; no inline script or style."""
    everything = [path.read_text(encoding="utf-8") for path in STATIC.iterdir()]
    addresses = {
        address for text in everything for address in re.findall(r"(?:https?:)?//[a-z][\w.-]+\.\w+[^\s\"']*", text)
    }
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert "style=" not in INDEX
    assert re.findall(r"<script(?![^>]*src=)|\son\w+=", INDEX) == []


def test_every_message_is_shown_by_somebody() -> None:
    """The stream's types are those that app.js knows."""
    tags = {kind.__struct_config__.tag for kind in vars(messages).values() if hasattr(kind, "__struct_config__")} - {
        None
    }
    shown = SCRIPTS["app.js"].partition("const shown = {")[2].partition("\n};")[0]
    assert tags == set(re.findall(r"^  (\w+)(?:: |\()", shown, re.MULTILINE))
