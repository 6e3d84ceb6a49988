"""From a VCF and a medication list to what to think again about: in the terminal, on a page, as JSON, as FHIR."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pollux.cli.app import StorePath, app, open_store
from pollux.cli.outputs import check_outputs
from pollux.cli.printing import say_text
from pollux.errors import RefusedInput
from pollux.output import write_file
from pollux.visible import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pollux.care.treatment.account import Account
    from pollux.care.treatment.genes import Calls
    from pollux.care.treatment.medication import Medication
    from pollux.care.treatment.review import Review
    from pollux.record.genotype import Genotypes
    from pollux.store import Store

_LARGEST = 1 << 20  # bytes of a medication list


@app.command
def genome(  # a parameter for each option that a person may type
    vcf: Path,
    *,
    sample: Annotated[str, Parameter(help="Whose column to read; needed if the file has several.")] = "",
    sex: Annotated[
        Literal["", "female", "male"], Parameter(help="How many X chromosomes to expect; the record's if --person.")
    ] = "",
    build: Annotated[
        Literal["", "GRCh38", "GRCh37"], Parameter(help="Only where the file does not say its genome build.")
    ] = "",
    callable_regions: Annotated[
        Path | None,
        Parameter(name="--callable", help="BED of regions in which a position without a row is the reference."),
    ] = None,
    absent_is_reference: Annotated[
        bool, Parameter(help="Take every position without a row for reference; it is said everywhere.", negative="")
    ] = False,
    outside: Annotated[
        Path | None, Parameter(help="Calls made elsewhere: CYP2D6 with copy number, HLA (tab-separated or JSON).")
    ] = None,
    drug: Annotated[
        list[str] | None, Parameter(help='A drug, such as "codeine 30 mg"; may be given several times.', negative="")
    ] = None,
    drugs: Annotated[Path | None, Parameter(help="A medication list, one entry a line.")] = None,
    person: Annotated[str, Parameter(help="Look with this person's record, and let what is certain enter it.")] = "",
    output: Annotated[Path | None, Parameter(help="Write the page (HTML) here.")] = None,
    fhir: Annotated[Path | None, Parameter(help="Write a FHIR R4 Bundle here.")] = None,
    json: Annotated[bool, Parameter(help="Print everything as JSON.", negative="")] = False,
    store: StorePath = "",
) -> None:
    """Say which drugs to think again about, why, how sure, and what was never tested."""
    from pollux.care.treatment.account import account
    from pollux.care.treatment.genes import sites
    from pollux.sources.vcf import read

    indexes = [vcf.with_name(vcf.name + end) for end in (".tbi", ".csi")]
    check_outputs([output, fhir], [vcf, *indexes, callable_regions, outside, drugs], store)
    now = datetime.now(UTC)
    listed = _listed(drug, drugs)
    seen = read(
        vcf, sites(), sample=sample, build=build or None, callable_regions=callable_regions,
        absent_is_reference=absent_is_reference,
    )  # fmt: skip
    if person:
        with open_store(store) as kept:
            calls, found, about, entered = _with_record(kept, person, seen, outside, listed, sex, now)
    else:
        from pollux.care.treatment.review import Facts, review

        calls, about, entered = _calls(seen, outside, sex), [], []
        found = review(listed, calls.values(), Facts(sex=sex))
    told = account(seen, calls, found, at=now, person=person, about=about)
    _tell(told, entered, output, fhir, json)


def _tell(told: "Account", entered: list[str], output: Path | None, fhir: Path | None, json: bool) -> None:
    """The account in every form that was asked for."""
    from pollux.care.treatment.account import plain
    from pollux.care.treatment.summary import summary

    if output is not None:
        from pollux.report.genome import genome_report

        write_file(output, genome_report(told))
    if fhir is not None:
        from pollux.care.treatment.fhir import as_json

        write_file(fhir, as_json(told))
    if json:
        import orjson

        say_text(orjson.dumps(plain(told) | {"record": entered}, option=orjson.OPT_INDENT_2).decode())
        return
    for text in (summary(told), *entered, *(visible(str(path)) for path in (output, fhir) if path is not None)):
        say_text(text)


def _calls(seen: "Genotypes", outside: Path | None, sex: str) -> "Calls":
    from pollux.care.treatment.genes import call

    calls = call(seen, sex=sex)
    if outside is None:
        return calls
    from pollux.care.treatment.genes import outside as elsewhere

    return calls.with_outside(elsewhere.read(outside))


def _with_record(
    kept: "Store",
    person: str,
    seen: "Genotypes",
    outside: Path | None,
    listed: "Sequence[Medication] | None",
    sex: str,
    now: datetime,
) -> "tuple[Calls, Review, list[str], list[str]]":
    """Look with a person's record, and let what is certain enter it: calls, review, what was known, what entered."""
    from pollux.care.treatment.account import looked_with
    from pollux.care.treatment.derived import derived
    from pollux.care.treatment.medication import listed as in_record
    from pollux.care.treatment.review import facts_of, review
    from pollux.record.entry import Entry

    record = kept.record(person)
    stated = record.person.sex_at_birth if record.person.sex_at_birth in ("female", "male") else ""
    if sex and stated and sex != stated:
        raise RefusedInput(
            f"--sex says {sex} and the record {stated}",
            where=person,
            advice="Is it this person's file? Leave --sex out.",
        )
    calls = _calls(seen, outside, sex or stated)
    known = in_record(record, now)
    medications = None if known is None and listed is None else (*(known or ()), *(listed or ()))
    facts = facts_of(record, now)
    found = review(medications, calls.values(), facts, at=now)
    made = derived(calls.values(), seen, record, now)
    receipt = kept.take((Entry(person, event) for event in made.events), now)
    entered = [f"record of {person}: {_entered(made.events, receipt.text())}"]
    entered += [f"  TWO FILES DISAGREE: {visible(line)}" for line in made.against]
    entered += [f"  not derived, {visible(line)}" for line in made.open_]
    return calls, found, list(looked_with(facts)), entered


def _entered(events: "Sequence[object]", receipt: str) -> str:
    return receipt.replace("\n", "\n  ") if events else "nothing new was derived"


def _listed(named: list[str] | None, path: Path | None) -> "tuple[Medication, ...] | None":
    """The medications that were named, or None where nobody named any, which is not an empty list."""
    from pollux.care.treatment.medication import medication

    if named is None and path is None:
        return None
    lines = [text.encode("utf-8", "replace").decode() for text in named or ()]
    if path is not None:
        try:
            data = path.read_bytes()[: _LARGEST + 1]
        except OSError as error:
            raise RefusedInput(
                f"the medication list cannot be opened ({error.strerror})", where=path.name, advice="Check its path."
            ) from error
        if len(data) > _LARGEST or b"\0" in data:
            raise RefusedInput(
                "this is no list of medications", where=path.name, advice="Give a text file, one entry a line."
            )
        lines += data.decode("utf-8-sig", "replace").splitlines()
    entries = (line.strip() for line in lines)
    return tuple(medication(line) for line in entries if line and not line.startswith("#"))
