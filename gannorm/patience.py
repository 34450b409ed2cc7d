"""How long something that may hang is waited for, in all."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

SHORT = 0.1  # seconds; who answers sooner does not make anybody wait
LEAST = 0.5  # seconds for each, even where none are left: what is healthy answers in them


class Patience:
    """Waits for something that may never answer; each wait, and all of them together, have an end.

    Args:
        seconds: In all.
        end: Ends what is waited for, so that the block fails. It is called in a thread of its own.

    Attributes:
        left: Seconds.

    Example:
        >>> event = threading.Event()
        >>> patience = Patience(10.0, event.set)
        >>> with patience.at_most(0.6):
        ...     if event.wait():
        ...         raise ConnectionError
        Traceback (most recent call last):
        TimeoutError: no answer within 0.6 seconds
        >>> patience.left < 9.5
        True
    """

    def __init__(self, seconds: float, end: Callable[[], None]) -> None:
        self.left = seconds
        self.end = end

    @contextlib.contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Let the block wait no longer than this, or than is left, which is taken as half a second at least.

        Raises:
            TimeoutError: It was ended, and failed therefore.
        """
        seconds, start = max(min(seconds, self.left), LEAST), time.monotonic()
        ended = threading.Event()

        def give_up() -> None:
            ended.set()
            self.end()

        timer = threading.Timer(seconds, give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception as error:
            if not ended.is_set():
                raise
            raise TimeoutError(f"no answer within {seconds:.1f} seconds") from error
        finally:
            timer.cancel()
            waited = time.monotonic() - start
            self.left = max(0.0, self.left - (waited if waited > SHORT else 0.0))
