"""`nextclick config`: the effective settings and where each comes from."""

import typer

from nextclick.options import AsJson


def config(as_json: AsJson = False) -> None:
    """Show every setting: its value, where that comes from, and the environment variable that sets it.

    A setting is read from its environment variable, else from the TOML file that NEXTCLICK_CONFIG names, else it has
    its default; options of a command go before all of them. Secrets are masked. `--json` also says what each one is.

    Example: `NEXTCLICK_PUBLISH=per-batch nextclick config`
    """
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Column, Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from nextclick.effective_settings import effective_settings  # noqa: PLC0415

    settings = effective_settings()
    if as_json:
        import msgspec  # noqa: PLC0415

        typer.echo(msgspec.json.encode(settings).decode())
        return
    table = Table(Column("setting", no_wrap=True), Column("value", overflow="fold"), Column("from"), box=None)
    for setting in settings:
        style = "" if setting.source == "default" else "bold"
        table.add_row(Text(setting.name, style), Text(setting.text, style), Text(setting.source, style))
    Console().print(table)
    typer.echo("\nThe variable of a setting is NEXTCLICK_ and its name in capitals: NEXTCLICK_PUBLISH sets publish.")
