"""What goes wrong, said so that a person can act on it."""


class PolluxError(Exception):
    """The root of every error that Pollux raises on purpose.

    Says what was wrong, where, and what to do about it. Names ids and places, never the contents of a record.

    >>> raise PolluxError("the file is empty", where="cgm.csv", advice="Export it again.")
    Traceback (most recent call last):
    ...
    pollux.errors.PolluxError: the file is empty [cgm.csv]. Export it again.
    """

    def __init__(self, what: str, *, where: str = "", advice: str = "") -> None:
        self.what = what
        self.where = where
        self.advice = advice
        super().__init__(what, where, advice)

    def __str__(self) -> str:
        place = f" [{self.where}]" if self.where else ""
        return f"{self.what}{place}. {self.advice}".rstrip() if self.advice else f"{self.what}{place}"


class RefusedInput(PolluxError):
    """Bytes or values from outside that cannot be used."""


class UnknownName(PolluxError):
    """A name that nobody here knows; the text says which names there are."""


class ModelError(PolluxError):
    """A model is declared or used in a way that cannot be right."""


class OutsideDomain(PolluxError):
    """A question that a model may not be asked about this person."""
