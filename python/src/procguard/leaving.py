"""What the host is told when this worker takes no more."""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from .channel import ControlChannel
    from .requests import Requests

DRAIN_SECONDS = 1.0


class Leaving:
    def __init__(self, channel: ControlChannel, requests: Requests) -> None:
        self.channel = channel
        # Takes no more, and returns the id of the last request that was begun.
        self.close: Callable[[], int] = requests.close
        # Any thread may close, at any time.
        self.is_prompt = True
        self.lock = threading.Lock()
        self.told = False

    def let(self, close: Callable[[], int]) -> None:
        """From here on `close` is called, by the thread that takes requests, or by another one when that hangs."""
        self.close = close
        self.is_prompt = False

    def tell(self) -> None:
        with self.lock:
            if not self.told:
                self.told = True
                self.channel.leaving(self.close())


def last_before(given_back: list[int], taken: int) -> int:
    """The id of the last request that was begun, of those taken."""
    return min(given_back) - 1 if given_back else taken
