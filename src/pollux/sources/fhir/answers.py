"""What became of each entry of a bundle, as FHIR tells it: one response for each, in order."""

from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any, BinaryIO

import msgspec

from pollux.record.entry import Answer, Within

_IN_MEMORY = 1 << 20  # bytes; what is more waits on the disk
_CODES = {"405": "not-supported", "409": "conflict", "412": "multiple-matches"}
_JSON = msgspec.json.Encoder()


class Responses:
    """Writes a `transaction-response` (for a batch a `batch-response`) a bundle, each on a line of its own.

    Resources that stand in no bundle share one, in their order. What is told of a file is written once it is `taken`;
    what is told of one that was refused in the end is forgotten. `files` counts those that were taken.

    >>> import io
    >>> out = io.BytesIO()
    >>> with Responses(out) as responses:
    ...     responses.tell(Answer("line 1 Bundle.entry[0]", "Patient/p1", 1, True, within=Within(1, "batch")))
    ...     responses.taken()
    >>> out.getvalue()[:60]
    b'{"resourceType":"Bundle","type":"batch-response","entry":[{"'
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.files = 0
        self._told = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115, closed by __exit__
        self._begun = False
        self._within: Within | None = None

    def __enter__(self) -> "Responses":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._told.close()

    def tell(self, answer: Answer) -> None:
        """Add an answer."""
        if self._begun and answer.within == self._within:
            self._told.write(b",")
        else:
            self._end()
            kind = "batch" if answer.within and answer.within.kind == "batch" else "transaction"
            self._told.write(_JSON.encode({"resourceType": "Bundle", "type": f"{kind}-response"})[:-1] + b',"entry":[')
            self._begun, self._within = True, answer.within
        self._told.write(_JSON.encode({"response": _response(answer)}))

    def taken(self) -> None:
        """Write what was told: the file is taken."""
        self._end()
        self._told.seek(0)
        while part := self._told.read(_IN_MEMORY):
            self._out.write(part)
        self._out.flush()
        self._told.seek(0)
        self._told.truncate()
        self.files += 1

    def _end(self) -> None:
        if self._begun:
            self._told.write(b"]}\n")
        self._begun = False


def _response(answer: Answer) -> dict[str, Any]:
    if answer.why:
        issue = {"severity": "error", "code": _CODES.get(answer.status[:3], "invalid"), "diagnostics": answer.why}
        return {"status": answer.status, "outcome": {"resourceType": "OperationOutcome", "issue": [issue]}}
    tag = {"etag": f'W/"{answer.version}"'} if answer.version else {}
    if answer.status:
        return {"status": answer.status} | tag
    status = "201 Created" if answer.created else "200 OK"
    return {"status": status, "location": f"{answer.name}/_history/{answer.version}"} | tag
