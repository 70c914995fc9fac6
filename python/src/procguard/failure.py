"""Exceptions as the error that the host gets."""

from __future__ import annotations

import os

from .walk import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OWN_FOLDER = os.path.dirname(__file__) + os.sep
MAX_TEXT = 100_000


def describe(error: BaseException) -> dict[str, Any]:
    """The error of a handler that threw, with the traceback from its first own frame on."""
    return {
        "code": "handler_failed",
        "type": type_name(error),
        "message": shorten(message_of(error)),
        "traceback": shorten(traceback_of(error)),
    }


def message_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as second:
        return f"(its message can't be read: {type_name(second)})"


def traceback_of(error: BaseException) -> str:
    import traceback

    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(OWN_FOLDER):
        frames = frames.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, frames))
    except Exception:
        return ""


def shorten(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return text
    return text[: MAX_TEXT // 2] + "\n… cut …\n" + text[-MAX_TEXT // 2 :]
