"""Lines for the pool's log. Before serve(), and outside of a pool, they go to stderr."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .channel import ControlChannel

channel: ControlChannel | None = None


def debug(message: str, **fields: Any) -> None:
    """Log at level debug. fields are values beside the message, JSON or anything with a str()."""
    write("debug", message, fields)


def info(message: str, **fields: Any) -> None:
    """Log at level info, as in log.info("loaded", ms=120)."""
    write("info", message, fields)


def warn(message: str, **fields: Any) -> None:
    """Log at level warn."""
    write("warn", message, fields)


def error(message: str, **fields: Any) -> None:
    """Log at level error."""
    write("error", message, fields)


def write(level: str, message: str, fields: dict[str, Any]) -> None:
    if channel is not None:
        channel.log(level, str(message), fields)
        return
    words = [f"{level}: {message}", *(f"{name}={value}" for name, value in fields.items())]
    if sys.stderr is not None:
        sys.stderr.write(" ".join(words) + "\n")
