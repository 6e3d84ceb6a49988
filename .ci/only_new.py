"""Keep of a lock file on standard input only the packages that another lock file does not pin."""

import sys
from pathlib import Path


def pins(text: str) -> dict[str, str]:
    """Each pinned package with its lines, by its first line."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines(keepends=True):
        if line.strip() and not line.startswith((" ", "\t", "#")):
            name = line.split(" \\")[0].strip()
            found[name] = ""
        if name:
            found[name] += line
    return found


known = pins(Path(sys.argv[1]).read_text())
sys.stdout.write("".join(lines for name, lines in pins(sys.stdin.read()).items() if name not in known))
