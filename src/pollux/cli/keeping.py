"""Looking after a store: is it whole, who looked, backups, and the rights of the people in it."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pollux.cli.app import StorePath, app, open_store, place
from pollux.cli.outputs import check_folder, check_outputs
from pollux.cli.printing import hand_out, say, say_text
from pollux.errors import PolluxError, RefusedInput
from pollux.output import write_file
from pollux.visible import visible

if TYPE_CHECKING:
    from pollux.store import Store
    from pollux.store.audit import Head

Reason = Annotated[str, Parameter(help="Why; it is kept.")]
KeysFolder = Annotated[Path, Parameter(name="--keys", help="The folder for the keys: another one than for the data.")]


@app.command
def init(*, store: StorePath = "") -> None:
    """Make an empty store and its keys, where there is none. `import`, `restore` and `demo` make one as well."""
    with open_store(store, make=True) as kept:
        if _head(kept).seq:
            raise PolluxError(
                "there is a store already", where=kept.where, advice="Nothing was changed; name another place."
            )
        say(f"{kept.where}: an empty store; its keys are in {kept.keys_place}")
        if kept.site_key_file is not None:
            say(f"the site key is in {kept.site_key_file}: without it nothing can be opened. Keep a copy apart")


@app.command
def export(
    person: str,
    *,
    received: Annotated[
        bool, Parameter(help="Only the newest resources as received, newline-delimited.", negative="")
    ] = False,
    output: Path | None = None,
    store: StorePath = "",
) -> None:
    """Hand out everything held about a person as one FHIR Bundle, with where it came from and who saw it."""
    from pollux.sources.fhir import portable

    check_outputs([output], store=store)
    with open_store(store, "export") as kept:
        content = kept.export(person) if received else portable(kept.held(person), datetime.now(UTC))
        if output is None:
            hand_out(content, exactly=received)
            return
        write_file(output, content)
    say(output)


@app.command
def doctor(*, store: StorePath = "") -> None:
    """Open everything in the store and say what is damaged, missing or altered, and what to do about it."""
    with open_store(store) as kept:
        found = kept.doctor()
    for trouble in found:
        say(trouble)
    serious = sum(trouble.serious for trouble in found)
    say("everything is as it was put there" if not serious else f"{serious} things are not as they were put there")
    if serious:
        sys.exit(1)


@app.command
def backup(folder: Path, *, keys: KeysFolder, store: StorePath = "") -> None:
    """Copy the store to a folder and its keys to another, while it is used. Keep the site key in a third place."""
    from pollux.store.backup import DATA, ERASED, KEYS, NOTE

    check_folder(folder, [DATA, NOTE, ERASED], store)
    check_folder(keys, [KEYS], store)
    with open_store(store) as kept:
        note = kept.backup(folder, keys)
    say(f"{folder}: data up to act {note.last_act:,} of the audit; {keys}: keys")


@app.command
def restore(folder: Path, *, keys: KeysFolder, store: StorePath = "") -> None:
    """Put a backup where there is no store, and erase again whoever was erased since."""
    from pollux.store import Store

    with Store.restore(folder, keys, place(store)) as kept:
        serious = [trouble for trouble in kept.doctor() if trouble.serious]
        for trouble in serious:
            say(trouble)
        say(f"{len(kept.people()):,} people restored")
    if serious:
        sys.exit(1)


@app.command
def erase(
    person: str,
    *,
    reason: Reason = "",
    yes: Annotated[bool, Parameter(help="Do not ask.", negative="")] = False,
    store: StorePath = "",
) -> None:
    """Destroy a person's keys and delete everything held about them. It cannot be undone."""
    with open_store(store) as kept:
        if not yes and not _agreed(f"Erase everything about {person}? Type the id again to go on: ", person):
            raise RefusedInput("nothing was erased", advice="Type the person's id, or add --yes.")
        say_text(kept.erase(person, reason).text())


@app.command
def hold(person: str, *, reason: Reason, store: StorePath = "") -> None:
    """Forbid to erase a person's data (a legal hold)."""
    with open_store(store) as kept:
        kept.hold(person, reason)
    say(f"{person} cannot be erased until `pollux release {person}`: {reason}")


@app.command
def release(person: str, *, store: StorePath = "") -> None:
    """End all legal holds on a person's data."""
    with open_store(store) as kept:
        kept.release(person)
    say(f"no hold forbids to erase {person} any more")


@app.command
def restrict(person: str, *, reason: Reason, store: StorePath = "") -> None:
    """Keep a person's data and use them for nothing."""
    with open_store(store) as kept:
        kept.restrict(person, reason)
    say(f"nothing of {person} is used until `pollux unrestrict {person}`: {reason}")


@app.command
def unrestrict(person: str, *, store: StorePath = "") -> None:
    """End a restriction of processing."""
    with open_store(store) as kept:
        kept.unrestrict(person)
    say(f"what is known of {person} may be used again")


@app.command
def merge(duplicate: str, *, into: str, store: StorePath = "") -> None:
    """Two ids are one person: the record of the second holds both from now on."""
    with open_store(store) as kept:
        kept.merge(duplicate, into)
    say(f"{duplicate} and {into} are one person; `pollux unmerge {duplicate}` takes them apart again")


@app.command
def unmerge(duplicate: str, *, store: StorePath = "") -> None:
    """They are two people after all."""
    with open_store(store) as kept:
        kept.unmerge(duplicate)
    say(f"{duplicate} is a person of their own again")


@app.command
def move(
    *ids: str,
    wrong: Annotated[str, Parameter(help="Whose record they came into.")],
    right: Annotated[str, Parameter(help="Whose they are.")],
    back: Annotated[bool, Parameter(help="Undo the same move.", negative="")] = False,
    store: StorePath = "",
) -> None:
    """Put documents (Observation/o1) and events (by id) that came under the wrong patient into the right record."""
    if not ids:
        raise RefusedInput("nothing is named", advice="Write: pollux move Observation/o1 --wrong A --right B.")
    with open_store(store) as kept:
        count = (kept.move_back if back else kept.move)(ids, wrong, right)
    say(f"{count:,} events moved")


@app.command
def audit(
    what: Literal["verify", "show", "head", "accept"],
    person: str = "",
    *,
    fhir: Annotated[bool, Parameter(help="Show as FHIR AuditEvents, newline-delimited.", negative="")] = False,
    heads: Annotated[Path | None, Parameter(help="Verify against heads that were kept: a file of lines.")] = None,
    reason: Reason = "",
    store: StorePath = "",
) -> None:
    """Check that no line of the audit was altered; or show who looked at a record.

    `head` prints the signed end of the audit: keep it where nobody here can change it, and `verify --heads FILE` finds
    whatever was cut off before it. `accept` goes on from an audit that does not fit its head outside, such as that of a
    database copied back by hand.
    """
    import msgspec

    from pollux.sources.fhir import audit_event
    from pollux.store.audit import head_text, kept_heads

    if person and what != "show":
        raise RefusedInput(f"{what} is about the whole audit", advice=f"Write: pollux audit {what}.")
    with open_store(store, "export") as kept:
        if what == "head":
            sys.stdout.write(head_text(_head(kept)).decode())
            return
        if what == "verify":
            problems, lines = kept.verify(kept_heads(heads) if heads else ())
            say(*problems or (f"{lines:,} acts, none altered, none missing",))
            if problems:
                sys.exit(1)
            return
        if what == "accept":
            kept.accept(reason)
            say("the audit goes on from here; that it did not fit is written down")
            return
        for act in kept.acts(person or None):
            if fhir:
                say(msgspec.json.encode(audit_event(act, f"Patient/{person}" if person else "")).decode())
                continue
            detail = ", ".join(f"{k} {v}" for k, v in act.detail.items() if k not in ("chart", "version"))
            purpose = f" for {act.purpose}" if act.purpose else ""
            say(f"{act.seq:6d}  {act.at:%Y-%m-%d %H:%M:%S}  {act.actor}{purpose}: {act.action} {detail}")


@app.command
def keys(
    what: Literal["rotate", "retire"],
    person: str = "",
    *,
    store: StorePath = "",
) -> None:
    """Replace keys while the store is used: a person's own (rotate PERSON), or the site key (rotate, then retire).

    `rotate` puts a new site key in front of the old one in its file and wraps all keys with it; `retire` forgets the
    old ones, once no other process is running with them and no backup needs them: one made before `rotate` opens with
    the old site key alone. With $POLLUX_SITE_KEY you put the new one in front yourself (new,old), then `rotate`.
    """
    from pollux.store.durable import one_at_a_time
    from pollux.store.site_key import find

    if person and what == "retire":
        raise RefusedInput(
            "a person's old key is destroyed when a new one is made", advice=f"Write: pollux keys rotate {person}."
        )
    with open_store(store) as kept:
        if person:
            kept.rotate(person)
            say(f"everything about {person} is sealed with a new key; the old one is destroyed")
            return
        path = kept.site_key_file
        if path is not None:
            with one_at_a_time(path):
                say(_retire(kept, path) if what == "retire" else _rotate(kept, path))
            return
        site = find(None, make=False)
        if site.count < 2:
            raise RefusedInput(
                "the site key is not in a file",
                advice="Put a new one in front of the old in $POLLUX_SITE_KEY (separated by a comma) and rotate again.",
            )
        say(
            f"{kept.rotate_site_key(site):,} keys wrapped again. Take the old ones out of $POLLUX_SITE_KEY when no "
            f"process runs without the first. {_OLD_BACKUPS}"
        )


_OLD_BACKUPS = "Backups made before the site key was rotated open with the old one alone: keep it as long as they."


def _rotate(kept: "Store", path: Path) -> str:
    from pollux.store.site_key import add_key, find

    add_key(path)
    return f"{kept.rotate_site_key(find(path, make=False)):,} keys wrapped again"


def _retire(kept: "Store", path: Path) -> str:
    from pollux.store.site_key import find, keep_first

    site = find(path, make=False)
    old = site.count - 1
    if old:
        say(_OLD_BACKUPS)
        if not _agreed("Forget the old site keys? Type retire to go on: ", "retire"):
            raise RefusedInput("no site key was forgotten", advice="Type retire to go on.")
    changed = kept.rotate_site_key(site)
    keep_first(path)
    return f"{old} old site keys forgotten; {changed:,} keys were still wrapped with them and are wrapped again"


def _head(kept: "Store") -> "Head":
    head = kept.head()
    if head is None:
        raise PolluxError(
            "the head of the audit is missing", where=kept.where,
            advice="Put it back; what else can be done, `pollux audit verify` says.",
        )  # fmt: skip
    return head


def _agreed(question: str, answer: str) -> bool:
    try:
        return input(visible(question)).strip() == answer
    except EOFError:
        return False
