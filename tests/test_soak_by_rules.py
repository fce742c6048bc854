"""The same generator under Hypothesis: composite rules, so that what is found is made small by another hand."""

from __future__ import annotations

import contextlib
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from support.soak.engines import Stage, open_stage
from support.soak.histories import KINDS, Moment, Story
from support.soak.playing import Declined, begin, play_moment
from support.soak.running import seated
from support.soak.worlds import draw_world

EXAMPLES, RULES = 8, 5
ROWS = st.lists(
    st.sampled_from(["edit", "new", "move", "merge", "duplicate", "delete", "mail"]), min_size=1, max_size=6
)
ORDERS = st.lists(st.sampled_from(["order", "order", "state", "project"]), min_size=1, max_size=3)


class Histories(RuleBasedStateMachine):
    """A world, and rules that each end in an evaluation; engines are compared after every one."""

    stages: tuple[Stage, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()

    @initialize(seed=st.integers(0, 2_000))
    def draw(self, seed: int) -> None:
        rng = Random(seed)
        world, project, _ = draw_world(rng)
        self.story, self.over = Story(rng, world, steps=0), False
        given = self.story.given()
        self.seats = self.stack.enter_context(seated(self.stages, project))
        begin(self.seats, given)
        self.play(Moment(self.story.now))

    @rule(kinds=ROWS)
    def change_and_evaluate(self, kinds: list[str]) -> None:
        self.act(kinds)

    @rule(kinds=ROWS, count=st.integers(1, 4))
    def enter_evaluate_and_answer(self, kinds: list[str], count: int) -> None:
        self.act(kinds)
        self.act(["result"] * count + ["order"])

    @rule(kinds=ORDERS, rows=ROWS)
    def order_and_evaluate(self, kinds: list[str], rows: list[str]) -> None:
        self.act([*kinds, *rows])

    def act(self, kinds: list[str]) -> None:
        moment = self.story.next_moment()
        for kind in kinds:
            self.story.act(kind, moment)
        self.play(moment)

    def play(self, moment: Moment) -> None:
        if self.over:
            return
        try:
            observed, accepted = play_moment(self.seats, moment)
        except Declined:
            self.over = True
            return
        moment.world = moment.world if accepted else None
        self.story.saw(observed, moment)

    def teardown(self) -> None:
        self.stack.close()


def test_composite_rules_find_no_difference() -> None:
    with contextlib.ExitStack() as stack:
        stages = tuple(stack.enter_context(open_stage(name)) for name in ("engine", "oracle"))
        machine = type("Machine", (Histories,), {"stages": stages})
        few = settings(
            max_examples=EXAMPLES,
            stateful_step_count=RULES,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(machine, settings=few)


def test_every_kind_of_step_can_be_drawn() -> None:
    story = Story(Random(1), draw_world(Random(1))[0], steps=0)
    story.given()
    moment = story.next_moment()
    for kind in KINDS:
        story.act(kind, moment)
    assert moment.set
