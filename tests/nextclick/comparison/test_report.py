"""The report is one file that loads nothing, runs nothing, and shows what comes from data as text."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from export.artifact import Artifact
from models.errors import SettingsError
from nextclick.comparison.comparing import Comparison, compare
from nextclick.comparison.figures import Plan
from nextclick.comparison.html_report import render_report, require_report_extra
from nextclick.comparison.pairing import ModelOutcomes
from nextclick.comparison.scoring import LoadedModel, RecordingFacts
from tests.nextclick.comparison.made import make_models, make_outcomes
from tests.nextclick.recording.made import make_head
from workers.settings import load_settings

HOSTILE_ITEM = "<script>alert('item')</script>"
HOSTILE_NAME = "<img src=http://evil.test/x onerror=alert(1)>&$x$"
PLAN = Plan(resamples=300)
ONE_CHALLENGER_PICTURES = 1 + 5 + 1 + 2


class Page(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, its text, and ids."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element without content."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened last: that, or the page is broken."""
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.text += data

    def attributes(self, name: str) -> Iterator[str]:
        """Yield an attribute's values."""
        return (attributes[name] or "" for _, attributes in self.elements if name in attributes)


def render(artifact: Artifact, comparison: Comparison) -> str:
    """Render a comparison whose models are all the same artifact."""
    settings = load_settings(artifact=artifact.folder)
    models = [LoadedModel(model.name, artifact, settings) for model in comparison.models]
    return render_report(comparison, models, RecordingFacts("clicks.parquet", make_head(topic="<b>clicks"), None))


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """A comparison of three models."""
    reference, challenger = make_models()
    worse = make_models(better=0.2, seed=4)[1].outcomes
    return compare([reference, challenger, ModelOutcomes("third", worse, 10)], PLAN)


@pytest.fixture(scope="module")
def page(tiny_artifact: Artifact, comparison: Comparison) -> str:
    return render(tiny_artifact, comparison)


def test_it_loads_nothing_and_runs_nothing(page: str) -> None:
    """No address at all in it, whatever it may be of; a policy forbids the browser what we might have missed."""
    parsed = Page(page)
    assert not parsed.open
    assert "://" not in page
    assert not {"script", "link", "iframe", "object", "embed", "img", "image", "base"} & {
        tag for tag, _ in parsed.elements
    }
    assert all(target.startswith("#") for name in ("href", "xlink:href", "src") for target in parsed.attributes(name))
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page))
    assert "@import" not in page
    assert not [name for _, attributes in parsed.elements for name in attributes if name.startswith("on")]
    assert "default-src 'none'; style-src 'unsafe-inline'" in parsed.attributes("content")


def test_pictures_find_what_they_refer_to(page: str) -> None:
    """Every id is there once, and each marker and clipping path that is used has one."""
    parsed = Page(page)
    ids = list(parsed.attributes("id"))
    assert len(ids) == len(set(ids))
    used = {target.removeprefix("#") for target in parsed.attributes("href")}
    used |= {target.removeprefix("#") for target in re.findall(r"url\(([^)]*)\)", page)}
    assert used
    assert used <= set(ids)
    pictures = [attributes for tag, attributes in parsed.elements if tag == "svg"]
    assert len(pictures) == ONE_CHALLENGER_PICTURES
    assert {one["role"] for one in pictures} == {"img"}
    assert all("the table has the numbers" in (one["aria-label"] or "") for one in pictures)


def test_colours_are_the_pages(page: str) -> None:
    """A picture has none of its own, so that it can be light and dark."""
    pictures = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL))
    assert not re.findall(r"#[0-9a-f]{6}\b", pictures)
    named = set(re.findall(r"var\((--[a-z0-9-]+)\)", page))
    assert {"--ink", "--series-1", "--series-2"} <= named
    light, dark = page.split("prefers-color-scheme: dark")
    assert all(f"{name}:" in scheme for name in named for scheme in (light, dark))


def test_numbers_of_pictures_are_in_tables(page: str, comparison: Comparison) -> None:
    parsed = Page(page)
    for compared in comparison.families:
        assert compared.family.title in parsed.text
        for label, figures in zip(compared.family.labels, compared.figures, strict=True):
            assert label in parsed.text
            assert f"{figures.clicks:,}" in parsed.text
    assert "too small" in parsed.text
    assert "by Holm for 2 challengers" in parsed.text


def test_what_comes_from_data_is_text(tiny_artifact: Artifact) -> None:
    """Items and folders may be called anything; an item that gained is shown by its id."""
    items = [HOSTILE_ITEM] * 200
    models = [
        make_outcomes(HOSTILE_NAME, [0] * 200, items=items, known=items[:1]),
        make_outcomes("b", [1] * 200, items=items, strategies=["<i>"] * 200),
    ]
    rendered = render(tiny_artifact, compare(models, PLAN))
    parsed = Page(rendered)
    assert not {"script", "img", "i", "b"} & {tag for tag, _ in parsed.elements}
    assert HOSTILE_ITEM in parsed.text
    assert HOSTILE_NAME in parsed.text
    assert "<b>clicks" in parsed.text
    assert "<script" not in rendered


def test_the_same_comparison_gives_the_same_bytes(tiny_artifact: Artifact, page: str, comparison: Comparison) -> None:
    assert render(tiny_artifact, comparison) == page


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(SettingsError, match=r"A report needs jinja2.*pip install 'nextclick\[report\]'"):
        require_report_extra()
