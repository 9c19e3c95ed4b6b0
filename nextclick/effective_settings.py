"""Each setting's value and where it comes from."""

import os
import tomllib
from pathlib import Path

import msgspec
from pydantic import SecretStr

from workers.settings import ENVIRONMENT_PREFIX, load_settings
from workers.settings_file import CONFIG_VARIABLE

JsonValue = str | int | float | bool | dict[str, str] | None


class EffectiveSetting(msgspec.Struct, frozen=True):
    """A setting as a worker started here and now would have it.

    Attributes:
        name: The setting's name.
        value: Its value; a secret is masked.
        source: The environment variable or the file that it comes from, else `default`.
        variable: The environment variable that sets it.
        description: What it is.
    """

    name: str
    value: JsonValue
    source: str
    variable: str
    description: str

    @property
    def text(self) -> str:
        """The value as the environment variable would have it; empty for an unset one."""
        match self.value:
            case None:
                return ""
            case bool():
                return str(self.value).lower()
            case dict():
                return ",".join(f"{name}={value}" for name, value in self.value.items())
            case _:
                return str(self.value)


def effective_settings() -> list[EffectiveSetting]:
    """Return every setting in the order in which `workers.settings.Settings` names them.

    Raises:
        SettingsError: If one is unknown, malformed or contradicts another.
    """
    settings = load_settings()
    # Names of variables are compared as pydantic does, without their case; an empty one counts as not there.
    variables = {name.upper(): name for name, value in os.environ.items() if value}
    file = os.environ.get(CONFIG_VARIABLE)
    in_file = tomllib.loads(Path(file).read_text(encoding="utf-8")) if file else {}
    rows = []
    for name, field in type(settings).model_fields.items():
        variable = ENVIRONMENT_PREFIX + name.upper()
        source = variables.get(variable) or (file if file and name in in_file else "default")
        value = _plain(getattr(settings, name))
        rows.append(EffectiveSetting(name, value, source, variable, field.description or ""))
    return rows


def _plain(value: object) -> JsonValue:
    match value:
        case SecretStr() | Path():
            return str(value)
        case None | bool() | int() | float() | str():
            return value
        case _:
            return {str(name): str(theirs) for name, theirs in dict(value).items()}  # type: ignore[call-overload]
