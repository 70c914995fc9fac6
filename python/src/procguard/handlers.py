"""The handlers that this program offers."""

from __future__ import annotations

from .errors import Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, TypeVar, overload

    Function = TypeVar("Function", bound=Callable[..., Any])

# inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR; importing inspect would take longer than all of the SDK.
ASYNC_FLAGS = 0x80 | 0x200


class Handler:
    """One offered method. usual_seconds is how long it takes, lately, at the longest."""

    __slots__ = ("function", "name", "is_async", "usual_seconds")

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.name = name
        self.function = function
        self.is_async = is_async(function)
        self.usual_seconds = 1.0


registered: dict[str, Handler] = {}


def is_async(function: Any) -> bool:
    for _ in range(32):
        code = getattr(function, "__code__", None)
        if code is not None and code.co_flags & ASYNC_FLAGS:
            return True
        inner = getattr(function, "__wrapped__", None) or getattr(function, "func", None)
        if inner is None and code is None:
            inner = getattr(type(function), "__call__", None)
        if inner is None:
            return False
        function = inner
    return False


def register(name: str, function: Callable[..., Any]) -> None:
    if not callable(function):
        raise Error("ERR_PROCGUARD_USAGE", f"The handler {name!r} is not callable: decorate a function.")
    known = registered.get(name)
    if known is not None and known.function is not function:
        raise Error(
            "ERR_PROCGUARD_USAGE",
            f'There already is a handler "{name}": give one of them another name, @procguard.handler("other").',
        )
    registered[name] = Handler(name, function)


if TYPE_CHECKING:

    @overload
    def handler(function: Function) -> Function:
        ...

    @overload
    def handler(function: str) -> Callable[[Function], Function]:
        ...

    @overload
    def handler() -> Callable[[Function], Function]:
        ...


def handler(function: Any = None) -> Any:
    """Offer a function to the pool under its own name, or, with @handler("name"), under that one.

    The function may be sync, async, a generator or an async generator; the last two make a stream.
    Raises Error ERR_PROCGUARD_USAGE when the name is taken.
    """
    if function is None or isinstance(function, str):
        name = function

        def decorate(decorated: Any) -> Any:
            register(name or name_of(decorated), decorated)
            return decorated

        return decorate
    register(name_of(function), function)
    return function


def name_of(function: Any) -> str:
    name = getattr(function, "__name__", None)
    if not isinstance(name, str):
        raise Error(
            "ERR_PROCGUARD_USAGE",
            'This handler has no name of its own: give it one, @procguard.handler("name").',
        )
    return name
