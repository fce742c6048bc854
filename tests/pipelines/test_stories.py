"""What happened to participants in words: what several share is said once, what is their own stays with them."""

from __future__ import annotations

from datetime import date, timedelta

from pipelines.dashboard.facts import Event, Run, Seen
from pipelines.dashboard.people import Person, fitting, notes_of
from pipelines.dashboard.stories import Story, stories_of

CAME = "entered: the entry condition came true"
DAY = date(2024, 3, 4)


def run(*events: Event, out: bool = False) -> Run:
    left = DAY + timedelta(days=7) if out else None
    return Run(
        "r", "c", "Ann", "treatment", 1, DAY, "", "active", None, None, None, left, False, False, None, False, False, False, events
    )  # fmt: skip


def entered(*seen: Seen, words: str = CAME) -> Event:
    return Event(DAY, "entered", "condition", words, None, None, seen)


def usage(value: int) -> Seen:
    return Seen("usage_8w < 0.4 * usage_before and tier <> 'gold'", (("usage_8w", value), ("usage_before", 90)))


def sent(words: str, status: str = "sent", when: date = DAY) -> Event:
    return Event(when, "action", status, f"{status} the email “{words}”", None, "mail")


def told(*runs: Run) -> list[Story]:
    return list(stories_of(runs))


def test_leaves_that_let_two_in_are_a_note_and_the_values_stay() -> None:
    first, second = told(run(entered(usage(3))), run(entered(usage(5))))
    assert first.days == "<li>4 Mar: entered with usage_8w 3, usage_before 90"
    assert second.days == "<li>4 Mar: entered with usage_8w 5, usage_before 90"
    assert [note.words for note in first.notes] == [(usage(3).leaf,)]
    assert first.notes == second.notes


def test_leaves_of_one_alone_stay_with_it() -> None:
    (story,) = told(run(entered(usage(3))))
    assert not story.notes
    assert "entered, because usage_8w &lt; 0.4 * usage_before and tier &lt;&gt; 'gold': usage_8w 3" in story.days


def test_of_several_ways_in_each_entry_leads_to_its_own() -> None:
    other = Seen("exists(tickets) filter (where priority = 'urgent')", (("count(tickets) filter (where urgent)", 2),))
    stories = told(*[run(entered(seen)) for seen in (usage(1), other, usage(2), other, usage(3))])
    assert [story.notes[0].ident for story in stories] == ["w1", "w2", "w1", "w2", "w1"]
    assert "<a href=#w2>entered</a> with count(tickets) 2" in stories[1].days


def test_a_long_path_of_two_is_a_note_named_by_what_was_otherwise() -> None:
    path = (sent("Three things that take five minutes"), sent("Good to see you back", "dropped"))
    first, second = told(run(*path), run(*path))
    assert first.days == "<li>4 Mar: <a href=#p1>2 actions (1 dropped)</a>"
    assert [note.words for note in second.notes] == [tuple(event.why_text for event in path)]


def test_a_wait_that_is_over_is_said_by_its_end_alone() -> None:
    wait = Event(DAY, "step_in", None, "waits at “reply” until 9 Mar 2024", None, "reply")
    left = Event(DAY + timedelta(days=2), "exited", "exit_condition", "left: the exit condition holds", None, "reply")
    inside, out = told(run(sent("Hello"), wait), run(sent("Hello"), wait, left, out=True))
    assert inside.days == "<li>4 Mar: sent the email “Hello” · waits at “reply” until 9 Mar"
    assert out.days == "<li>4 Mar: sent the email “Hello”<li>6 Mar: left at “reply”: the exit condition holds"


def test_hostile_words_are_text_in_a_note_too() -> None:
    evil = Seen("name = '<script>alert(1)</script>' or 1 = 1", ())
    path = (sent("<img src=x onerror=alert(1)> and <b>much</b> more of this"), sent("</ol></details>"))
    (story, _) = told(*[run(entered(evil), *path)] * 2)
    for html in (story.days, *(note.row for note in story.notes)):
        assert "<script" not in html and "<img" not in html and "</details" not in html


def test_a_page_carries_as_many_as_fit_with_their_notes() -> None:
    many = [run(entered(Seen(f"field_{n // 2} = 'x' and " + "long_name > 0 and " * 15, ()))) for n in range(40)]
    people = [Person("Ann", "inside", "4 Mar 2024", "inside", "", "no", story) for story in stories_of(many)]
    shown = fitting(people, 5_000)
    notes = notes_of(people[:shown])
    weight = sum(len(person.row.encode()) + 1 for person in people[:shown])
    noted = sum(len(note.row.encode()) + 1 for note in notes.ways)
    assert 0 < shown < 40
    assert noted > weight and weight + noted <= 5_000
    assert len(notes.ways) == (shown + 1) // 2
