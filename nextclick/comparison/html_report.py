"""A comparison as one HTML file that opens by itself: no server, no network, no script.

The same comparison gives the same bytes: nothing in it comes from a clock. What comes from data (names of folders,
items, titles) is escaped by the template, which escapes everything but our own pictures.
"""

from collections.abc import Sequence
from importlib.metadata import version

from models.errors import SettingsError
from nextclick.comparison.comparing import Comparison
from nextclick.comparison.scoring import LoadedModel, RecordingFacts


def require_report_extra() -> None:
    """Return if a report can be made: ask before minutes are spent on a comparison.

    Raises:
        SettingsError: If the extra is not installed.
    """
    try:
        import jinja2  # noqa: F401, PLC0415
        import matplotlib  # noqa: F401, ICN001, PLC0415
    except ImportError as error:
        raise SettingsError(
            f"A report needs {error.name}, which is not installed: `pip install 'nextclick[report]'`. "
            "The comparison itself does not: leave --report out."
        ) from error


def render_report(comparison: Comparison, models: Sequence[LoadedModel], recording: RecordingFacts) -> str:
    """Return the page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    from nextclick.comparison.report_content import report_content  # noqa: PLC0415

    templates = Environment(
        loader=PackageLoader("nextclick.comparison", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    content = report_content(comparison, models, recording)
    return templates.get_template("report.html").render(**content, version=version("nextclick"))
