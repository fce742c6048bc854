"""One seed after the other: draw a world, play its history on every engine, and tell what came of it."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from support.soak.catalogs import Spec
from support.soak.directed import theme_of
from support.soak.engines import Seat, Stage, open_stage
from support.soak.histories import Moment, Story
from support.soak.identities import check_identities
from support.soak.playing import Declined, Difference, Disagreed, begin, play_moment
from support.soak.worlds import draw_world

from definitions import Project
from pipelines.worlds import Rows

IDENTITIES_EVERY = 5
"""Every so many evaluations truth, falsehood and the unknown of every leaf are counted."""


@dataclass
class History:
    """What was played, as data: it can be played again, shortened and printed."""

    data: Spec
    given: Rows
    moments: list[Moment] = field(default_factory=list[Moment])


@dataclass
class Outcome:
    """What came of one seed."""

    seed: int
    history: History
    steps: int = 0
    difference: Difference | None = None
    tally: Counter[str] = field(default_factory=Counter[str])
    rejected: int = 0
    declined: str = ""
    seconds: float = 0.0


@contextlib.contextmanager
def seated(stages: Sequence[Stage], project: Project) -> Generator[list[Seat]]:
    """The project on every engine, for as long as the block lasts."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(stage(project)) for stage in stages]


def run_seed(seed: int, steps: int, stages: Sequence[Stage]) -> Outcome:
    """Draw a world and its history from a seed, and play them."""
    started = time.process_time()
    rng = Random(seed)
    theme = theme_of(seed)
    world, project, refused = draw_world(rng, theme)
    story = Story(rng, world, steps, theme)
    given = story.given()
    outcome = Outcome(seed, History(world.data, given), steps=steps, rejected=len(refused))
    with seated(stages, project) as seats:
        try:
            begin(seats, given)
            _play(story, seats, outcome)
        except Disagreed as disagreed:
            outcome.difference = disagreed.difference
        except Declined as declined:
            outcome.declined = str(declined)
            outcome.tally["history: ended by what the second meaning does not know"] += 1
        else:
            outcome.tally.update(*(seat.tally() for seat in seats[:1] if seat.tally is not None))
    outcome.seconds = time.process_time() - started
    return outcome


def _play(story: Story, seats: Sequence[Seat], outcome: Outcome) -> None:
    last: datetime | None = None
    for i, moment in enumerate(story.moments()):
        outcome.history.moments.append(moment)
        observed, accepted = play_moment(seats, moment)
        if moment.world is not None:
            outcome.tally[f"edit: {'accepted' if accepted else 'refused'}"] += 1
            moment.world = moment.world if accepted else None
        if last is not None and _clocks_changed(story, last, moment.at):
            outcome.tally["clock: a clock change between two evaluations"] += 1
        story.saw(observed, moment)
        last = moment.at
        if i % IDENTITIES_EVERY == IDENTITIES_EVERY - 1:
            for seat in seats:
                if seat.inspect is not None:
                    check_identities(seat.inspect, seat.engine.project, moment.at)


def _clocks_changed(story: Story, before: datetime, after: datetime) -> bool:
    zone = story.world.zone
    return before.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset()


def play_again(history: History, project: Project, stages: Sequence[Stage]) -> Difference | None:
    """Play a history as it stands; the first difference, or None."""
    with seated(stages, project) as seats:
        try:
            begin(seats, history.given)
            for i, moment in enumerate(history.moments):
                play_moment(seats, moment)
                for seat in seats:
                    if seat.inspect is not None and i % IDENTITIES_EVERY == IDENTITIES_EVERY - 1:
                        check_identities(seat.inspect, seat.engine.project, moment.at)
        except Disagreed as disagreed:
            return disagreed.difference
        except Declined:
            return None
    return None


def run_seeds(seeds: Sequence[int], steps: int, engines: Sequence[str]) -> Iterator[Outcome]:
    """Seeds one after the other, on stages that are opened once."""
    with contextlib.ExitStack() as stack:
        stages: list[Any] = [stack.enter_context(open_stage(name)) for name in engines]
        for seed in seeds:
            yield run_seed(seed, steps, stages)
