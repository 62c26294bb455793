"""`python -m cli.driving.results DATA`: the drives of docs/results.md, as Markdown on stdout."""

import sys
from pathlib import Path

from bandit.policies import DEFAULT_POLICY
from cli.console import complain, say
from cli.driving.drive import Service, drive_seeds
from cli.driving.table import conclusion, markdown

LOGS = {"hillstrom": "hillstrom.csv.gz", "starbucks": "starbucks_offers.csv.gz"}
"""Spec in docs/examples → file in the folder of logs."""

SEEDS = range(1, 11)
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def main(folder: Path) -> int:
    """Every log with SquareCB and the recommended policy, ten seeds each; the exit status."""
    missing = [name for name in LOGS.values() if not (folder / name).exists()]
    if missing:
        complain(f"{folder} lacks {', '.join(missing)}; name the folder that has them: make results DATA=...")
        return 2
    for spec, file in LOGS.items():
        for policy in dict.fromkeys(("squarecb", DEFAULT_POLICY)):
            documents = list(drive_seeds(folder / file, EXAMPLES / f"{spec}.toml", policy, SEEDS, Service()))
            say(f"{markdown(documents)}\n\n{conclusion(documents)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
