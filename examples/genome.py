"""From a VCF and a medication list to what to think again about. Run it: `python examples/genome.py [VCF]`.

Without a VCF a synthetic one is made, of nobody.
"""

import sys
import tempfile
from pathlib import Path

from pollux.care.treatment.genes import call, sites
from pollux.care.treatment.medication import medication
from pollux.care.treatment.review import review
from pollux.demo.genome import write_genome
from pollux.sources.vcf import read


def main(vcf: Path) -> None:
    seen = read(vcf, sites())
    calls = call(seen, sex="female")
    found = review([medication(name) for name in ("clopidogrel", "codeine", "abacavir")], calls.values())

    for one in found.findings:
        print(f"{one.severity}: {', '.join(one.drugs)}: {one.advice}")
        print(f"  because {'; '.join(one.because)}; not known: {'; '.join(one.unknown) or 'nothing'}")
        print(f"  source: {'; '.join(source.text for source in one.sources)}")
    print("never tested:", ", ".join(gene for gene, made in calls.items() if not made.tested))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(write_genome(Path(folder) / "synthetic.vcf"))
