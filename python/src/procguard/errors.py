"""What the SDK raises."""

from __future__ import annotations


class Error(RuntimeError):
    """An error of the SDK itself. code is stable; the message says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ProtocolError(Exception):
    """The host sent something that the protocol doesn't allow."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Unsendable(Exception):
    """A value that can't go into a frame. code is that of the error frame: unserializable or too_large."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
