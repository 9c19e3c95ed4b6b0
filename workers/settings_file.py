"""The file of settings, where one is named."""

import os
import tomllib
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from models.errors import SettingsError

CONFIG_VARIABLE = "NEXTCLICK_CONFIG"


class TomlSource(PydanticBaseSettingsSource):
    """The file that `NEXTCLICK_CONFIG` names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[object, str, bool]:  # noqa: ARG002
        """Return nothing: all fields come at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, object]:
        """Return what the file says, nothing where none is named.

        Raises:
            SettingsError: If it cannot be read.
        """
        path = os.environ.get(CONFIG_VARIABLE)
        if not path:
            return {}
        try:
            return tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{CONFIG_VARIABLE}={path} cannot be read as TOML: {error}.") from error
