"""The README's table of settings, written from the settings themselves: `python -m nextclick.settings_table`."""

import re
import sys
from pathlib import Path

from workers.settings import ENVIRONMENT_PREFIX, Settings

BEGIN, END = "<!-- settings -->", "<!-- end of settings -->"


def settings_table() -> str:
    """Return a Markdown table: variable, default, what it is."""
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    defaults = Settings.model_construct()
    for name, field in Settings.model_fields.items():
        default = getattr(defaults, name)
        text = "" if default in (None, {}) else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        rows.append(f"| `{ENVIRONMENT_PREFIX}{name.upper()}` | {text} | {field.description} |")
    return "\n".join(rows)


def with_settings_table(readme: str) -> str:
    """Return the README with its table as it should be."""
    table = f"{BEGIN}\n{settings_table()}\n{END}"
    return re.sub(f"{BEGIN}.*{END}", lambda _: table, readme, flags=re.DOTALL)


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "README.md")
    path.write_text(with_settings_table(path.read_text(encoding="utf-8")), encoding="utf-8")
