"""Many readers or one writer."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager


class ReadersWriterLock:
    """Readers run together, a writer runs alone, and a waiting writer goes before readers that come later.

    A thread may ask to read while it reads or writes, and to write while it writes. To write while it only
    reads would wait for itself, and raises `RuntimeError`.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._writing = False
        self._waiting_writers = 0
        self._mine = threading.local()

    @contextmanager
    def reading(self) -> Generator[None]:
        """Hold off writers."""
        if self._holds("reads") or self._holds("writes"):
            yield
            return
        with self._changed:
            self._changed.wait_for(lambda: not self._writing and not self._waiting_writers)
            self._readers += 1
        self._mine.reads = True
        try:
            yield
        finally:
            self._mine.reads = False
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def writing(self) -> Generator[None]:
        """Hold off everybody."""
        if self._holds("writes"):
            yield
            return
        if self._holds("reads"):
            raise RuntimeError("a thread that reads the projection cannot write to it before it has finished reading")
        with self._changed:
            self._waiting_writers += 1
            try:
                self._changed.wait_for(lambda: not self._writing and not self._readers)
            finally:
                self._waiting_writers -= 1
                self._changed.notify_all()
            self._writing = True
        self._mine.writes = True
        try:
            yield
        finally:
            self._mine.writes = False
            with self._changed:
                self._writing = False
                self._changed.notify_all()

    @property
    def writer_is_waiting(self) -> bool:
        """Whether somebody waits to write, so that new readers wait too."""
        return self._waiting_writers > 0

    def _holds(self, what: str) -> bool:
        return getattr(self._mine, what, False)
