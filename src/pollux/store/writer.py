"""One thread writes. Who waits at the same time shares one transaction and one flush to the disk (group commit)."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread, current_thread
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection

from pollux.errors import PolluxError
from pollux.store.audit import GOES_ON, Done, append, check_continuation, place_head, write_head
from pollux.store.database import CannotWrite, Database, undone_alone
from pollux.store.keys import Keys

_LOG = logging.getLogger("pollux.store")
_TOGETHER = 256  # jobs in one transaction
_MOST_OWED = 10_000  # accesses that may wait for a disk; then reading is refused too
T = TypeVar("T")
Job = Callable[[Connection, list[Done]], Any]


class _Asked(NamedTuple):
    """A job that waits."""

    job: Job
    answer: Future[Any]
    alone: bool


class Writer:
    """Does jobs one after the other; a job's answer is given when what it wrote is durable.

    A job is called with the connection and a list to which it adds its acts. What a job raises undoes that job alone.
    What others could undo and must not (an erasure) is done alone, in a transaction of its own.
    Accesses are noted before anything is handed out. While the disk cannot be written to, reading goes on: accesses are
    owed, logged, and written down in front of the first acts that can be.
    """

    def __init__(self, database: Database, keys: Keys, head: Path) -> None:
        self._database = database
        self._keys = keys
        self._head = head
        self._waiting: SimpleQueue[_Asked | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._starting = Lock()
        self._owed: list[Done] = []

    def alone(self, job: Callable[[Connection, list[Done]], T]) -> T:
        """The same in a transaction that no other job shares."""
        return self.do(job, alone=True)

    def do(self, job: Callable[[Connection, list[Done]], T], alone: bool = False) -> T:
        """Wait until the job is done and durable."""
        if current_thread() is self._thread:
            raise PolluxError("the store was asked from inside its own writing", advice="Read before you write.")
        answer: Future[T] = Future()
        with self._starting:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="pollux-store-writer", daemon=True)
                self._thread.start()
            self._waiting.put(_Asked(job, answer, alone))
        return answer.result()

    def note(self, acts: Sequence[Done]) -> None:
        """Write accesses down, or owe it while nothing can be written."""
        try:
            self.do(lambda _, done: done.extend(acts))
        except CannotWrite as error:
            with self._starting:
                if len(self._owed) + len(acts) > _MOST_OWED:
                    raise
                self._owed += [msgspec.structs.replace(act, detail={**act.detail, "late": 1}) for act in acts]
            for act in acts:
                _LOG.warning("not written down yet, since %s: %s by %s of %s", error.what, act.action, act.actor,
                             act.who.hex()[:8] or "all")  # fmt: skip

    def close(self) -> None:
        """Finish what is waiting, then stop."""
        if self._owed:
            with suppress(PolluxError):
                self.do(lambda _, acts: None)
        with self._starting:
            if self._thread is not None:
                self._waiting.put(None)
                self._thread.join()
                self._thread = None

    def _run(self) -> None:
        going_on, held = True, None
        while going_on:
            jobs: list[_Asked | None] = [held or self._waiting.get()]
            held = None
            while len(jobs) < _TOGETHER and (last := jobs[-1]) is not None and not last.alone:
                try:
                    one = self._waiting.get_nowait()
                except Empty:
                    break
                if one is not None and one.alone:
                    held = one  # after these, by itself
                    break
                jobs.append(one)
            going_on = jobs[-1] is not None
            self._together([(one.job, one.answer) for one in jobs if one is not None])

    def _together(self, jobs: list[tuple[Job, Future[Any]]]) -> None:
        """One transaction for all; every future gets its answer here."""
        done: list[tuple[Future[Any], Any]] = []
        try:
            head = None
            with self._database.writing() as connection:
                acts = [*self._owed]
                owed = len(acts)
                for job, answer in jobs:
                    before = len(acts)
                    try:
                        with undone_alone(connection):
                            result = job(connection, acts)
                        done.append((answer, result))
                    except self._database.failures:
                        raise  # the database itself fails: nothing of this transaction can be trusted
                    except BaseException as error:
                        del acts[before:]
                        answer.set_exception(error)
                if acts:
                    if not any(act.action in GOES_ON for act in acts):
                        check_continuation(connection, self._head)
                    head = append(connection, acts, self._keys.signing)
                self._keys.settle()
            del self._owed[:owed]
            if head is not None:
                put = place_head if any(act.action in GOES_ON for act in acts) else write_head
                with suppress(OSError, PolluxError):  # what was written is durable; a head that lags behind is no harm
                    put(self._head, head)
        except BaseException as error:
            self._keys.drop_waiting()
            for _, answer in jobs:
                if not answer.done():
                    answer.set_exception(error)
            return
        for answer, result in done:
            answer.set_result(result)


def now() -> datetime:
    """The clock by which acts are dated."""
    return datetime.now(UTC)
