"""The mutation gate: every planted bug must be found by random histories, or the histories are not good enough.

Each mutant is a tree of links with one text replaced, in which seeds are played until the engines differ. The seed that found
it last time goes first; a stored seed that finds it no more is followed by all the others.

    PYTHONPATH=.:tests python -m support.soak.mutants
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from support.soak.nursery import run_in
from support.soak.planted import MUTANTS, Mutant
from support.soak.running import run_seeds

ROOT = Path(__file__).resolve().parents[3]
TREES = ("definitions", "sql", "connectors", "pipelines", "tests")
REMEMBERED = Path(__file__).with_name("killers.json")
SEEDS = 50


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: the seed that found it and how, or None where it survived."""

    mutant: Mutant
    seed: int | None
    how: str
    tried: int
    seconds: float

    def text(self) -> str:
        """One line."""
        found = f"seed {self.seed}" if self.seed is not None else "SURVIVED"
        return f"{self.mutant.name:20} {found:9} after {self.tried:2} seeds, {self.seconds:5.1f} s  {self.how[:90]}"


def judge(mutant: Mutant, steps: int) -> Verdict:
    """Play seeds in a tree with the mutant planted, until it is found or all are played."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        tree, said = Path(folder) / "tree", Path(folder) / "said"
        plant(mutant, tree)
        if mutant.is_tested:
            return _tested(mutant, tree, said, started)
        played = ["--play", str(remembered().get(mutant.name)), "--steps", str(steps), "--engines", mutant.engines]
        code, text = run_in(tree, "support.soak.mutants", played, said), said.read_text(encoding="utf-8")
    if code:
        raise RuntimeError(f"{mutant.name} could not be played:\n{text[-2000:]}")
    found = json.loads(text.splitlines()[-1])
    return Verdict(mutant, found["seed"], found["how"], found["tried"], time.perf_counter() - started)


def _tested(mutant: Mutant, tree: Path, said: Path, started: float) -> Verdict:
    """Run the test that must find a mutant; it has to pass where nothing is planted, which CI sees to."""
    asked = ["-q", "-x", "-n0", "-p", "no:cacheprovider", "-p", "no:randomly", "-c", os.devnull, mutant.engines]
    code, text = run_in(tree, "pytest", asked, said), said.read_text(encoding="utf-8")
    if code not in (0, 1):
        raise RuntimeError(f"{mutant.name} could not be tested:\n{text[-2000:]}")
    how = next((line for line in text.splitlines() if line.startswith("FAILED")), "")
    return Verdict(mutant, 0 if code else None, how, 1, time.perf_counter() - started)


def plant(mutant: Mutant, tree: Path) -> None:
    """The sources as links, but for the file in which the mutant's text is replaced; the sources themselves are never touched."""
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise ValueError(f"{mutant.name}: `{mutant.old}` stands {text.count(mutant.old)} times in {mutant.file}")
    own = {ROOT, *(ROOT / mutant.file).parents} - {*ROOT.parents}
    _link(ROOT, tree, own, TREES)
    planted = tree / mutant.file
    planted.unlink()
    planted.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")


def _link(source: Path, copy: Path, own: Collection[Path], names: Iterable[str]) -> None:
    """A folder of links to some of what another one holds; folders of `own` are made anew, and so on in them."""
    copy.mkdir()
    for name in names:
        if source / name in own:
            _link(source / name, copy / name, own, (found.name for found in (source / name).iterdir()))
        else:
            (copy / name).symlink_to(source / name)


def remembered() -> dict[str, int]:
    """The seeds that found mutants last time."""
    return json.loads(REMEMBERED.read_text(encoding="utf-8")) if REMEMBERED.exists() else {}


def remember(verdicts: Sequence[Verdict]) -> None:
    """Store the seeds that found mutants."""
    found = {v.mutant.name: v.seed for v in verdicts if v.seed is not None}
    REMEMBERED.write_text(json.dumps(remembered() | found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def play(first: str, steps: int, engines: Sequence[str]) -> None:
    """In the tree of a mutant: play until the engines differ, and say which seed it was."""
    known = [int(first)] if first != "None" else []
    order = [*known, *(seed for seed in range(SEEDS) if seed not in known)]
    found: dict[str, object] = {"seed": None, "how": "", "tried": len(order)}
    for tried, outcome in enumerate(run_seeds(order, steps, engines), start=1):
        if outcome.difference is not None:
            how = f"{outcome.difference.what}: {' '.join(outcome.difference.text.split())[-300:]}"
            found = {"seed": outcome.seed, "how": how, "tried": tried}
            break
    sys.stdout.write(json.dumps(found) + "\n")


def main(arguments: list[str]) -> int:
    """Judge all mutants, or those named; the exit code says whether one survived."""
    parser = argparse.ArgumentParser(prog="python -m support.soak.mutants")
    parser.add_argument("names", nargs="*", help="mutants; all of them by default")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--engines", default="", help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--remember", action="store_true", help="store the seeds that find them")
    parser.add_argument("--play", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.play is not None:
        play(asked.play, asked.steps, asked.engines.split(","))
        return 0
    chosen: list[Mutant] = [m for m in MUTANTS if not asked.names or m.name in asked.names]
    verdicts: list[Verdict] = []
    with ThreadPoolExecutor(asked.jobs) as pool:
        for done in as_completed([pool.submit(judge, mutant, asked.steps) for mutant in chosen]):
            verdict = done.result()
            verdicts.append(verdict)
            sys.stdout.write(verdict.text() + "\n")
            sys.stdout.flush()
            if asked.remember:
                remember([verdict])
    survivors = [v.mutant.name for v in verdicts if v.seed is None]
    sys.stdout.write(
        f"{len(verdicts) - len(survivors)} of {len(verdicts)} found; surviving: {', '.join(survivors) or 'none'}\n"
    )
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
