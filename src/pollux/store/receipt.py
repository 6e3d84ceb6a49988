"""What became of a file that was handed to the store."""

from collections.abc import Mapping

import msgspec

from pollux.record.quality import QualityReport
from pollux.visible import visible


class Receipt(msgspec.Struct, frozen=True):
    """The account of one import.

    `accepted`, `quarantined` and `documents` count what is new; `already_known` what was there before and so changed
    nothing; `outdated` events of a resource of which a newer version was there; `withdrawn` events that were retracted
    or that a newer version no longer states. `kept` counts, by kind, documents that are kept but of which nothing is
    made into events. `people` are those the file speaks of. `number` is that of the import: `Store.undo` takes it.
    """

    accepted: int = 0
    quarantined: int = 0
    documents: int = 0
    files: int = 0  # devices' files, kept in pieces
    already_known: int = 0
    outdated: int = 0
    withdrawn: int = 0
    kept: Mapping[str, int] = {}
    people: tuple[str, ...] = ()
    report: QualityReport = QualityReport(())
    number: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything in the store is different now."""
        return bool(self.accepted or self.quarantined or self.documents or self.withdrawn)

    def text(self) -> str:
        """The receipt as lines for a person to read.

        >>> print(Receipt(already_known=12, people=("p1",)).text())
        nothing new: all 12 were known already
        """
        if not self.changed:
            known = f"nothing new: all {self.already_known:,} were known already"
            return "\n".join([known, *(visible(f"  {one.message}") for one in self.report.findings)])
        kept = "the file kept" if self.files and not self.documents else f"{self.documents:,} documents kept"
        lines = [
            f"{self.accepted:,} events accepted, {self.quarantined:,} quarantined, {kept}, "
            f"{self.already_known:,} known already; people: {visible(', '.join(self.people[:5])) or 'none'}"
            + (f" and {len(self.people) - 5:,} more" if len(self.people) > 5 else "")
        ]
        if self.withdrawn:
            lines.append(f"  {self.withdrawn:,} events withdrawn by newer versions or by their source")
        if self.outdated:
            lines.append(f"  {self.outdated:,} outdated on arrival: a newer version is known")
        if self.kept:
            kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(self.kept.items()))
            lines.append(f"  kept as received, not made into events: {visible(kinds)}")
        if self.report.findings:
            lines += self.report.lines()
        if self.report.unlisted:
            lines.append("  the first are listed and all are counted; the store keeps them all")
        return "\n".join(lines)
