"""A worker beside production: it reads the clicks that production reads, and writes nothing that production writes."""

import re

from models.errors import SettingsError
from workers.settings import Settings, load_settings

_PREFIX = re.compile(r"[a-zA-Z0-9._-]{1,40}")


def shadow_settings(prefix: str, **overrides: object) -> Settings:
    """Return the effective settings of a shadow: its own group, states, lists and dead letters, named after the prefix.

    The click topic stays what it is: a group of its own moves no one else's offsets. Where `overrides` or the
    environment name a topic or a folder, that name gets the prefix as well.

    Args:
        prefix: Begins each of its names, `-` behind it.
        overrides: Settings given on the command line; those that are None were not given.

    Raises:
        SettingsError: If the prefix cannot begin a topic's name, or a setting is wrong.
    """
    if _PREFIX.fullmatch(prefix) is None:
        raise SettingsError(f"{prefix!r} cannot begin the name of a topic: use letters, digits, `.`, `_` and `-`.")
    live = load_settings(**overrides)
    folder = live.state_folder
    own = {
        "app_id": f"{prefix}-{live.app_id}",
        "recommendations_topic": f"{prefix}-{live.recommendations_topic}",
        "dead_letter_topic": f"{prefix}-{live.dead_letter_topic}",
        "state_folder": folder.with_name(f"{prefix}-{folder.name}"),
    }
    return load_settings(**{**overrides, **own})


def chosen_settings(shadow: str | None, **overrides: object) -> Settings:
    """Return the settings of a shadow where one is named, else those of the worker itself.

    Raises:
        SettingsError: If a setting is wrong.
    """
    return load_settings(**overrides) if shadow is None else shadow_settings(shadow, **overrides)
