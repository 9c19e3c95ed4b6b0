"""Bytes of strangers, made safe to print.

A value can hold escape sequences that clear a terminal, change its title or hide what follows: nothing that is not
printable reaches the screen as it is.
"""

HEX_BYTES_PER_LINE = 16


def printable(text: str) -> str:
    """Return the text on one line: control, format and unassigned characters as Python's escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def printable_bytes(content: bytes | None, limit: int | None = None) -> str:
    r"""Return bytes on one line: as text where they are UTF-8, else each byte that is no text as `\xNN`.

    Args:
        content: None is `null`.
        limit: Most characters; `...` says that there are more.
    """
    if content is None:
        return "null"
    # Four bytes make at most one character, and escapes only make it longer: the rest of a megabyte is not looked at.
    seen = content if limit is None else content[: 4 * limit]
    text = printable(seen.decode(errors="backslashreplace"))
    if limit is None or (len(text) <= limit and len(seen) == len(content)):
        return text
    return text[:limit] + "..."


def hex_dump(content: bytes) -> str:
    """Return bytes as offset, hexadecimal and ASCII, sixteen a line."""
    lines = []
    for start in range(0, len(content), HEX_BYTES_PER_LINE):
        row = content[start : start + HEX_BYTES_PER_LINE]
        ascii_text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)  # noqa: PLR2004 - ASCII
        lines.append(f"{start:08x}  {row.hex(' '):<{3 * HEX_BYTES_PER_LINE - 1}}  {ascii_text}")
    return "\n".join(lines)
