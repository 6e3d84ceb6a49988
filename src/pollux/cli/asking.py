"""Asking a twin."""

import re
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pollux.cli.app import StorePath, app, open_store
from pollux.cli.outputs import check_outputs
from pollux.cli.printing import print_comparison, print_forecast, print_json, say, say_text
from pollux.cli.progress import waiting
from pollux.errors import RefusedInput
from pollux.output import make_folder, write_file

if TYPE_CHECKING:
    from pollux.report import Claim
    from pollux.store import Store
    from pollux.twins import Twin


@app.command
def twin(person: str, *, at: str = "", store: StorePath = "") -> None:
    """Build or renew a person's twin, keep it in the store, and say what it has learned."""
    with open_store(store) as kept, waiting():
        body = _twin(kept, person, at)
        explanation = body.explain()
        grounds = explanation.grounds
        say(f"{person}: {grounds.model}, version {grounds.version}, as of {body.now:%Y-%m-%d %H:%M} UTC")
        for p in explanation.parameters:
            low, middle, high = p.posterior
            told = "from the data" if p.informed else "hardly from the data"
            say(f"  {p.meaning}: {middle:.3g} ({low:.3g} to {high:.3g}) {p.unit}, {told}")
        for reason in grounds.abstains:
            say(f"  abstains: {reason}")
        for line in dict.fromkeys((*grounds.cautions, *explanation.advice)):
            say(f"  note: {line}")


@app.command
def forecast(
    person: str,
    *,
    plan: Annotated[
        list[str] | None, Parameter(help='Such as "meal 60 g at 12:30, bolus 6 U"; several are compared.', negative="")
    ] = None,
    hours: float = 2.0,
    at: Annotated[
        str, Parameter(help="Forecast from this time (ISO 8601, the person's own zone) instead of the last reading.")
    ] = "",
    json: Annotated[bool, Parameter(help="Print the forecast as JSON.", negative="")] = False,
    store: StorePath = "",
) -> None:
    """Forecast a person's sensor glucose, under a plan or comparing several."""
    from pollux.plans import Plan, parse

    with open_store(store) as kept, waiting(silent=json):
        body = _twin(kept, person, at)
    zone = body.record.person.timezone
    plans: list[Plan] = [parse(text, body.now, zone) for text in plan or []] or [Plan("nothing more")]
    horizon = _horizon(hours)
    if len(plans) > 1 and not json:
        print_comparison(body.compare(plans, horizon=horizon), _age(body))
        return
    answers = [body.forecast(p, horizon) for p in plans]
    if json:
        print_json(answers)
    else:
        print_forecast(answers[0], zone, _age(body))
    if any(answer.abstains for answer in answers):
        sys.exit(3)


@app.command
def report(
    person: str,
    *,
    plan: Annotated[list[str] | None, Parameter(help="What-ifs to show instead of the usual.", negative="")] = None,
    output: Path | None = None,
    at: str = "",
    store: StorePath = "",
) -> None:
    """Write a person's twin report: one HTML page for screen, phone and paper."""
    from pollux.plans import parse
    from pollux.report import twin_report

    path = output or Path(re.sub(r"[^A-Za-z0-9.-]", "_", f"{person}-twin.html").lstrip("."))
    check_outputs([path], store=store)
    with open_store(store) as kept, waiting():
        body = _twin(kept, person, at)
        quarantined = kept.quarantine(person)
    plans = [parse(text, body.now, body.record.person.timezone) for text in plan] if plan else None
    page = twin_report(body, quarantined=quarantined, plans=plans, evidence=_evidence(body), notes=_age(body))
    write_file(path, page)
    say(path)


@app.command
def demo(*, output: Path = Path("demo-output")) -> None:
    """Make synthetic patients, take their files in, build their twins and write their reports."""
    from pollux.demo import STORIES, live, starts, write
    from pollux.record import Person
    from pollux.record.entry import Entry
    from pollux.report import twin_report
    from pollux.sources import format_of, is_device, read, version_of
    from pollux.sources import kept as as_received
    from pollux.store import Taking
    from pollux.twins import Twin

    make_folder(output)
    say("Synthetic people, made by Pollux; nobody real. Research software, not a medical device.")
    with open_store(str(output / "demo.pollux.db"), make=True) as kept:
        for story in STORIES:
            say(f"{story.id}: {story.about}", now=True)
            begins = starts(story)
            now = begins + timedelta(days=story.days)  # after the last reading
            files = write(story, live(story, begins), output)
            for path in files:
                entries = read(path, learned=now, person=story.id, timezone=story.timezone)
                format = format_of(path)
                if is_device(format):
                    entries = chain(as_received(path, story.id), entries)
                taking = Taking(path.name, format, version_of(format), story.id, story.timezone)
                receipt = kept.take(entries, now, taking=taking)
                say(f"  import {receipt.number}, {path.name}: {receipt.text().splitlines()[0]}", now=True)
            kept.take([Entry(story.id, Person(story.id, timezone=story.timezone, synthetic=True))], now)
            body = Twin.begin(kept.record(story.id))
            kept.save_checkpoint(story.id, "twin", body.save(), now)
            page = output / f"{story.id}-twin.html"
            write_file(page, twin_report(body, about=story.about, evidence=_evidence(body)))
            say(f"  report: {page}", now=True)
    _demo_genome(output)
    store = output / "demo.pollux.db"
    say(f'Ask more: pollux forecast ada --store {store} --plan "bolus 1 U"')
    say(f"Take a file back: pollux imports --store {store}, then pollux undo NUMBER --store {store}")


def _demo_genome(folder: Path) -> None:
    """A synthetic genome and a medication list, and the page that they make."""
    from pollux.care.treatment.account import account
    from pollux.care.treatment.genes import call, sites
    from pollux.care.treatment.medication import medication
    from pollux.care.treatment.review import Facts, review
    from pollux.demo.genome import DRUGS, write_genome
    from pollux.report import genome_report
    from pollux.sources.vcf import read

    file = write_genome(folder / "dora.vcf", "dora")
    seen = read(file, sites())
    calls = call(seen, sex="female")
    found = review([medication(one) for one in DRUGS], calls.values(), Facts(age=66, sex="female"))
    told = account(seen, calls, found, at=datetime(2026, 3, 2, tzinfo=UTC), about=["Synthetic person."])
    page = folder / "dora-genome.html"
    write_file(page, genome_report(told))
    say(f"dora: a genome in {file.name} and {len(DRUGS)} drugs", f"  report: {page}")


@app.command
def evidence(
    *,
    json: Annotated[bool, Parameter(help="Print a list of objects.", negative="")] = False,
    page: Annotated[Path | None, Parameter(help="Also write the docs' page here.")] = None,
    record: Annotated[Path | None, Parameter(help="Also write what reports quote here (JSON).")] = None,
) -> None:
    """Run every registered published number against the models: claim, source, expected, measured, verdict."""
    from pollux.evidence import as_json, as_page, as_text, examine_claims

    check_outputs([page, record])
    results = examine_claims()
    if page is not None:
        write_file(page, as_page(results))
    if record is not None:
        write_file(record, as_json(results) + "\n")
    say_text(as_json(results) if json else as_text(results))


def _twin(kept: "Store", person: str, at: str) -> "Twin":
    """The twin as of the last reading, or of a stated time: from its checkpoint when the record is as it was.

    One of a stated time uses what the checkpoint has learned, and is not kept.
    """
    from pollux.errors import OutsideDomain
    from pollux.twins import Twin

    record = kept.record(person)
    moment = _moment(at, record.person.timezone) if at else None
    saved, last = kept.checkpoint(person, "twin"), record.last("cgm_glucose")
    body: Twin | None = None
    if saved is not None and last is not None:
        with suppress(RefusedInput, OutsideDomain):
            body = Twin.load(saved, record, begin=moment is None)
    if body is None:
        body = Twin.begin(record, moment)
    elif last is not None and body.now != (moment or last.time):
        body = body.at(moment or last.time)
    if moment is None and (content := body.save()) != saved:
        kept.save_checkpoint(person, "twin", content, datetime.now(UTC))
    return replace(body, set_aside=tuple(entry.finding for entry in kept.quarantine(person)))


def _evidence(body: "Twin") -> "list[Claim]":
    from pollux.evidence import recorded
    from pollux.report import Claim

    return [
        Claim(
            r.claim,
            r.source,
            f"{r.expected:g} ± {r.tolerance:g}",
            f"{r.measured:.3g}" if r.measured else "-",
            r.verdict,
        )
        for r in recorded(body.body.model)
    ]


def _moment(text: str, zone: str) -> datetime:
    """A time as a person writes it; without an offset it is in the person's own zone."""
    from zoneinfo import ZoneInfo

    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RefusedInput(f"{text[:40]!r} is no time", advice="Write for example 2026-03-01T12:30.") from None


def _horizon(hours: float) -> timedelta:
    if not 5.0 / 60.0 <= hours <= 24.0:
        raise RefusedInput(f"a forecast of {hours:g} h cannot be", advice="Give --hours from 0.1 to 24.")
    return timedelta(hours=hours)


def _age(body: "Twin") -> list[str]:
    """That the newest reading is not of today, where that is so."""
    if body.record.person.as_of:
        return []  # its dates were shifted, which every answer says; how old they look means nothing
    days = (datetime.now(UTC) - body.now).days
    return [f"the last reading is {days} days old: this is a forecast of then, not of now"] if days >= 1 else []
