"""Where a number or an equation comes from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A source that a reader can look up.

    ``verified`` says whether the number or equation was read in that very source; otherwise it prints as *unverified*.

    >>> print(Reference("Dalla Man et al. 2007", doi="10.1109/TBME.2007.893506", verified=False))
    Dalla Man et al. 2007, doi:10.1109/TBME.2007.893506 (unverified)
    """

    text: str
    doi: str = ""
    pmid: str = ""
    verified: bool = False

    def __str__(self) -> str:
        parts = [self.text]
        if self.doi:
            parts.append(f"doi:{self.doi}")
        if self.pmid:
            parts.append(f"PMID {self.pmid}")
        return ", ".join(parts) + ("" if self.verified else " (unverified)")
