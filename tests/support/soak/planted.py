"""Planted bugs: each one line of the compiler or the evaluator, wrong in a way that somebody could write."""

from __future__ import annotations

from dataclasses import dataclass

BEGIN = "sql/evaluation/03_begin.sql"
COMMANDS = "sql/evaluation/03_commands.sql"
GOALS = "sql/evaluation/03_goals.sql"
LEAVE = "sql/evaluation/06_leave.sql"
ADMIT = "sql/evaluation/07_admit.sql"
ONCE = "sql/evaluation/07_once.sql"
ADVANCE = "sql/evaluation/09_advance.sql"
ASSIGN = "sql/evaluation/09_assign.sql"
ZONES = "sql/evaluation/10_zones.sql"
LIMITS = "sql/evaluation/10_limits.sql"
PLACE = "sql/evaluation/10_place.sql"
ACTIONS = "sql/evaluation/10_plan.sql"
AFFECTED = "sql/truths/affected.py"
REACHED = "sql/evaluation/04_affected.sql"
BITS = "sql/truths/bits/"
EXECUTIONS = "tests/pipelines/test_executions.py::"
ALIKE = EXECUTIONS + "test_all_executions_write_the_same[never-bitmaps]"
ALONE = EXECUTIONS + "test_an_increment_looks_at_those_alone_that_may_differ[sql]"
BLOCKS = "tests/pipelines/test_bits.py::test_blocks_change_nothing[8]"
DAYS = "tests/sql/test_days.py::test_every_minute_is_of_the_day_that_the_engine_tells"
FOUND = "tests/test_cases.py::test_case[found: "
BY_INCREMENTS = "tests/test_cases.py::test_a_case_that_was_found_looks_at_those_alone_that_may_differ["
HAPPENED = BY_INCREMENTS + "whoever leaves by what somebody did is judged anew for all other workflows-sql]"
CLOCKS_BACK = (
    BY_INCREMENTS + "where clocks go back, what lies between two evaluations is seen on both sides of the hour-sql]"
)
HOURS = FOUND + "an hour that the clock repeats is two hours]"
GONE = FOUND + "what is gone is not observed, and what was seen last stands]"
OLD_RECIPIENT = (
    FOUND + "whoever finishes older steps is written to as those said, and who must not be written to is not]"
)
STOPPED = FOUND + "a date that came and passed while somebody was stopped is past on arrival]"
OLD_SEGMENT = FOUND + "when a segment is edited, the objective of those who entered before is asked by it too]"
OLD_FIELD = "tests/pipelines/test_older_versions.py::test_an_objective_that_is_observed_still_keeps_what_it_asks_for"
WINDOWS = "tests/test_cases.py::test_case[relations: of several windows over the same rows each begins at its own time, by days at midnight]"
LEAVERS = BY_INCREMENTS + "whoever leaves by what somebody did is judged anew for all other workflows-bitmaps]"
REACH = "tests/sql/test_reach.py::test_a_condition_reaches_every_table_on_its_way"


@dataclass(frozen=True)
class Mutant:
    """One planted bug: in a file, a text that stands there once is another one."""

    name: str
    what: str
    file: str
    old: str
    new: str
    engines: str = "full,oracle"
    """The executions that it is in; or a test that must find it, where random histories hardly ever come there."""

    @property
    def is_tested(self) -> bool:
        """A test must find it."""
        return ".py" in self.engines


MUTANTS: tuple[Mutant, ...] = (
    Mutant("null_matches", "unknown counts as true at a leaf's edge", "sql/places.py", 'exp.func("COALESCE", truth, exp.false(), dialect=DIALECT)', 'exp.func("COALESCE", truth, exp.true(), dialect=DIALECT)'),
    Mutant("nan_qualifies", "numbers that are not finite are kept", "sql/incoming.py", "CASE WHEN isfinite(TRY_CAST({name} AS DOUBLE)) THEN TRY_CAST({name} AS DOUBLE) END", "TRY_CAST({name} AS DOUBLE)"),
    Mutant("half_seats", "80.5 is read as a whole number", "sql/incoming.py", "CASE WHEN TRY_CAST({name} AS DOUBLE) = TRY_CAST({name} AS BIGINT) THEN TRY_CAST({name} AS BIGINT) END", "TRY_CAST({name} AS BIGINT)"),
    Mutant("duplicates_stay", "a row delivered twice is two rows", "sql/snapshot.py", "ORDER BY {_newest_first(columns)}) = 1\"", "ORDER BY {_newest_first(columns)}) <= 2\""),
    Mutant("oldest_duplicate", "of two rows with one key the oldest counts", "sql/snapshot.py", "DESC NULLS LAST, ", "ASC NULLS LAST, "),
    Mutant("count_null", "a count over no rows is unknown", "sql/aggregates.py", "return _or_zero(column(_count(argument, where, aggregate.distinct)))", "return column(_count(argument, where, aggregate.distinct))"),
    Mutant("last_is_first", "`last` takes the first value", "sql/aggregates.py", 'turned = aggregate.name == "last"', "turned = False"),
    Mutant("division_by_zero", "division by zero is not missing", "sql/leaves.py", 'exp.func("NULLIF", _compile(node.expression, place), exp.Literal.number(0), dialect=DIALECT)', "_compile(node.expression, place)"),
    Mutant("none_is_any", "`none` is read as `any`", "sql/leaves.py", "return exp.not_(exp.paren(_condition(Any_(parts), place), copy=False), copy=False)", "return exp.paren(_condition(Any_(parts), place), copy=False)"),
    Mutant("crossed_at_line", "`crossed_above` is true at the line itself", "sql/history.py", "(exp.GT, exp.LTE) if above", "(exp.GTE, exp.LT) if above"),
    Mutant("created_at_first", "the first snapshot creates records", "sql/history.py", "return both(_previous_is_null(place.needs, True), _has_previous())", "return both(_previous_is_null(place.needs, True))"),
    Mutant("held_for_nothing", "`held_for` forgets how long", "sql/standing.py", "return both(inner.copy(), edge(exp.LTE(this=exp.paren(ended, copy=False), expression=as_of())))", "return both(inner.copy())"),
    Mutant("leap_anniversary", "an anniversary counts from the date itself", "sql/standing.py", "this=exp.Literal.number(1), expressions=[exp.Sub", "this=exp.Literal.number(0), expressions=[exp.Sub"),
    Mutant("wait_off_by_one", "a wait ends after its end, not at it", ADVANCE, "p.due_at <= $as_of)", "p.due_at < $as_of)"),
    Mutant("wait_from_entry", "a wait counts from the entry", ADVANCE, "THEN calendar_add($as_of, h.wait_months", "THEN calendar_add(p.entered_at, h.wait_months"),
    Mutant("day_is_24_hours", "days are 24 hours, also when clocks change", "sql/migrations/0001_spine.sql", "to_months(months) + to_days(days) + to_minutes(minutes)", "to_months(months) + to_hours(24 * days) + to_minutes(minutes)"),
    Mutant("weekends_count", "business days have no weekend", "sql/evaluation/03_business.sql", "WHERE extract(isodow FROM day) <= 5 AND", "WHERE"),
    Mutant("last_way", "the last way whose guards hold is taken", ADVANCE, "ORDER BY y.rank) = 1", "ORDER BY y.rank DESC) = 1"),
    Mutant("some_guards", "one guard of a way is enough", ADVANCE, "WHERE COALESCE(h.held_count, 0) = COALESCE(n.condition_count, 0)", "WHERE COALESCE(h.held_count, 0) >= least(COALESCE(n.condition_count, 0), 1)"),
    Mutant("date_read_once", "a moved date does not move what waits for it", ADVANCE, "p.due_at IS DISTINCT FROM d.due_at", "p.due_at IS NULL AND d.due_at IS NOT NULL"),
    Mutant("sender_not_asked", "senders need not allow it", ADVANCE, "WHERE s.sender_condition IS NOT NULL AND t.record IS NULL", "WHERE s.sender_condition IS NOT NULL AND t.record = ''"),
    Mutant("exit_order", "a goal goes before the exit condition", LEAVE, "            WHEN h.meets_exit THEN 'exit_condition'\n", "            WHEN g.participant_id IS NOT NULL THEN g.name\n            WHEN h.meets_exit THEN 'exit_condition'\n"),
    Mutant("old_answers", "an answer from before the entry is a goal", GOALS, "h.record = g.recipient\nWHERE h.happened_at > g.goals_from AND", "h.record = g.recipient\nWHERE"),
    Mutant("paused_goals", "whoever is paused reaches goals", GOALS, "WHERE p.left_at IS NULL AND p.status = 'active';", "WHERE p.left_at IS NULL;"),
    Mutant("archive_leaves", "the archive lets people go", LEAVE, "AND c.state IS DISTINCT FROM 'archived'", "AND TRUE"),
    Mutant("nothing_cancelled", "leaving cancels only what waits for approval", LEAVE, "a.status IN ('planned', 'awaiting_approval')", "a.status IN ('awaiting_approval')"),
    Mutant("reentry_by_entry", "the re-entry's wait counts from the entry", ADMIT, "MAX(left_at) AS last_left_at", "CASE WHEN MAX(left_at) IS NOT NULL THEN MAX(entered_at) END AS last_left_at"),
    Mutant("requalify_early", "a spell that began shortly before the exit allows re-entry", ADMIT, "matched_from <= last_left_at THEN 'not_requalified'", "matched_from <= last_left_at - INTERVAL 1 DAY THEN 'not_requalified'"),
    Mutant("reentry_at_once", "the re-entry's wait is over one evaluation late", ADMIT, "WHEN reentry_at > $as_of", "WHEN reentry_at >= $as_of"),
    Mutant("newcomers_all", "whoever qualified at the launch is a newcomer", ADMIT, "matched_from <= first_enabled_at", "matched_from < first_enabled_at"),
    Mutant("no_exit_gate", "whoever meets the exit condition may enter", ADMIT, "        WHEN meets_exit THEN 'exit_condition'\n", ""),
    Mutant("back_at_once", "whoever leaves may enter at the same evaluation", ADMIT, "WHEN last_left_at = $as_of THEN 'left_just_now'", "WHEN FALSE THEN 'left_just_now'"),
    Mutant("lock_forgets", "whoever left just now shuts no door", ADMIT, "WHERE (p.left_at IS NULL OR p.left_at = $as_of) AND", "WHERE p.left_at IS NULL AND"),
    Mutant("priority_reversed", "the lower priority goes first", ONCE, "ORDER BY priority DESC, workflow, occasion", "ORDER BY priority, workflow, occasion"),
    Mutant("once_per_record", "`run_once` looks at the record", ONCE, "SELECT DISTINCT p.workflow, p.recipient\n", "SELECT DISTINCT p.workflow, p.record AS recipient\n"),
    Mutant("closed_uncounted", "passages that are over do not count when somebody asks anew", ADMIT, "FROM state.participants AS p\nWHERE EXISTS", "FROM state.open_participants AS p\nWHERE EXISTS"),
    Mutant("closed_too_early", "a passage is closed while it is still observed", "sql/evaluation/12_book.sql", "WHERE left_at < $as_of AND watched_until < $as_of;", "WHERE left_at < $as_of;"),
    Mutant("at_most_forgets", "`at_most` counts this evaluation alone", ONCE, "f.place > f.entry_limit - COALESCE(n.entered_count, 0)", "f.place > f.entry_limit"),
    Mutant("at_most_window", "`at_most` counts from the entry's clock, not from the calendar", ONCE, "unit_of(w.entry_unit, p.entered_at) = unit_of(w.entry_unit, CAST($as_of AS TIMESTAMPTZ))", "p.entered_at >= $as_of - to_days(1)"),
    Mutant("holdout_acts", "held-out records take part", ONCE, "< f.holdout_share THEN 'holdout'", "< f.holdout_share AND FALSE THEN 'holdout'"),
    Mutant("no_fast_forward", "after the archive waits are as they were", COMMANDS, "SET due_at = least(COALESCE(p.due_at, $as_of), $as_of)", "SET due_at = p.due_at"),
    Mutant("pause_runs_on", "the wait runs on during a pause", "sql/migrations/0003_language.sql", "AS due + (now - halted);", "AS due;"),
    Mutant("merge_loses", "a merged record loses its place", COMMANDS, "q.participant_id IS NULL\n        AND ROW_NUMBER()", "q.participant_id IS NOT NULL\n        AND ROW_NUMBER()"),
    Mutant("restart_keeps", "what was planned stays after a restart", COMMANDS, "AND NOT c.has_same_steps AND c.on_change = 'restart';", "AND FALSE;"),
    Mutant("first_order_counts", "of several orders about a workflow the first counts", COMMANDS, "arg_max(new_state, number) AS new_state", "arg_min(new_state, number) AS new_state"),
    Mutant("rejected_goes_out", "what is rejected goes out", COMMANDS, "status = CASE v.command WHEN 'approve' THEN 'planned' ELSE 'dropped' END", "status = 'planned'"),
    Mutant("approval_ignored", "approval is not asked for", ACTIONS, "WHEN p.needs_approval THEN 'awaiting_approval' ELSE 'planned' END", "ELSE 'planned' END"),
    Mutant("key_of_evaluation", "the action's id holds the evaluation's number, not the participant's", ADVANCE, "substr(md5(m.participant_id || '|' || s.step_id || '|' || (m.restarts + 1)), 1, 20)", "substr(md5(CAST($as_of AS VARCHAR) || '|' || s.step_id), 1, 20)"),
    Mutant("round_restarts", "the round begins anew at every evaluation", ASSIGN, "WHERE method = 'round_robin' GROUP BY", "WHERE FALSE GROUP BY"),
    Mutant("suppression_ignored", "suppressed recipients are written to", ZONES, "WHERE u.recipient IS NOT NULL OR (r.is_unsubscribed AND s.kind <> 'call')", "WHERE (r.is_unsubscribed AND s.kind <> 'call')"),
    Mutant("calls_unsubscribed", "a call heeds the email list", ZONES, "(r.is_unsubscribed AND s.kind <> 'call')", "r.is_unsubscribed"),
    Mutant("upper_middle", "of several zones the upper middle one", ZONES, "p.place = (p.zone_count + 1) // 2", "p.place = p.zone_count // 2 + 1"),
    Mutant("open_is_missed", "a window that is open already is missed", PLACE, "o.closes > m.local_from AND", "o.opens >= m.local_from AND"),
    Mutant("blackout_ignored", "messages go out on blackout days", PLACE, "WHERE NOT o.is_closed AND", "WHERE"),
    Mutant("long_is_short", "after a long wait only the clock hour", PLACE, "WHEN n.is_long THEN n.closes_at", "WHEN FALSE THEN n.closes_at"),
    Mutant("cap_wrong_window", "the cap counts the day for every unit", LIMITS, "PARTITION BY c.recipient, unit_of(l.unit, c.counts_at)", "PARTITION BY c.recipient, date_trunc('day', c.counts_at)"),
    Mutant("cap_off_by_one", "one message more than the cap", LIMITS, "WHERE c.may_move AND c.place > c.at_most\n) AS d", "WHERE c.may_move AND c.place > c.at_most + 1\n) AS d"),
    Mutant("old_parent", "a row that moved is not looked for at its old parent", AFFECTED, "WHERE kind <> 'created' AND", "WHERE kind = 'deleted' AND", ALONE),
    Mutant("way_there", "a change on the way to a related row is not seen", "sql/truths/reach.py", "for i in range(1, len(path) + 1):", "for i in range(len(path), len(path) + 1):", REACH),
    Mutant("clock_alone", "nothing changes by time alone between midnights", AFFECTED, 'placeholder.set("this", "previous_as_of")', "continue", "increments,oracle"),
    Mutant("midnight_missed", "a new day changes nothing", AFFECTED, "WHERE $is_new_day", "WHERE FALSE", "increments,oracle"),
    Mutant("change_stays", "what changed last time is still changed", AFFECTED, "    if reach.looks_back:", "    if reach.looks_back and not reach.by_day and reach.everyone:", "increments,oracle"),
    Mutant("due_forgotten", "who is due at this very instant is not looked at", REACHED, "due_at <= $as_of)", "due_at < $as_of)", "increments,oracle"),
    Mutant("arrived_forgotten", "who arrived at the last evaluation is not looked at", REACHED, "WHERE arrived_at >= $previous_as_of OR entered_at >= $previous_as_of OR", "WHERE", "increments,oracle"),
    Mutant("gate_time", "who waits after an exit is not asked again", REACHED, " OR f.until_at <= $as_of)", ")", "increments,oracle"),
    Mutant("tail_lost", "the last records that fill no byte are lost", BITS + "execution.py", "count=self.count, bitorder", "count=self.count // 8 * 8, bitorder", "bitmaps,oracle"),
    Mutant("not_unknown", "NOT makes the unknown true", BITS + "words.py", "return Bits(self.untrue, None if self.false is None else self.true)", "return Bits(~self.true)", "bitmaps,oracle"),
    Mutant("from_one", "records are numbered from 1, and read from 0", BITS + "places.py", "- 1 AS INTEGER) AS ordinal", "AS INTEGER) AS ordinal", "bitmaps,oracle"),
    Mutant("told_twice", "an answer is given twice", BITS + "execution.py", "(told[mine >> 3] >> (mine & 7)) & 1 == 0", "True", ALIKE),
    Mutant("sum_of_all", "sums heed no filter", BITS + "related.py", "chosen = chosen.where(values.known)\n                total", "chosen = Chosen(None, self.part.owners).where(values.known)\n                total", "bitmaps,oracle"),
    Mutant("blocks_merged", "the bits of every block are written where the first one's are", BITS + "execution.py", "start = part.first // 8", "start = 0", "bitmaps,oracle"),
    Mutant("window_wide", "a window takes in what comes behind it", BITS + "windows.py", "high is None else places[high]", "high is None else places[high] + 1", BLOCKS),
    Mutant("moved_unheeded", "whoever moved at the last evaluation does not ask anew to enter", REACHED, "record, arrived_at >= $previous_as_of OR entered_at >= $previous_as_of\n", "record, FALSE\n", "increments,oracle"),
    Mutant("happened_unheeded", "whoever leaves by what somebody did is not judged anew", REACHED, "    SELECT object, record, FALSE FROM goals_happened\n", "    SELECT object, record, FALSE FROM goals_happened WHERE FALSE\n", HAPPENED),
    Mutant("leavers_unheeded", "whose passage ends just now does not ask anew to enter", ADMIT, "UNION\nSELECT p.object, p.record\nFROM leavers AS l\nJOIN state.open_participants AS p ON p.participant_id = l.participant_id;", ";", "increments,oracle"),
    Mutant("day_by_quarter", "all of a quarter of an hour is of the day that it begins on", BITS + "days.py", "there[found] = begins != ends", "there[found] = False", DAYS),
    Mutant("spell_unended", "whose tracked value changed has no spell afterwards", "sql/snapshot.py", "OR d._kind = 'updated' AND d.{key} IN", "OR d._kind = 'filled' AND d.{key} IN"),
    Mutant("hour_behind", "the first of two hours of the same name is behind itself", "sql/migrations/0014_units.sql", "THEN i - (CAST(i AS TIMESTAMP) - date_trunc('hour', CAST(i AS TIMESTAMP)))", "THEN date_trunc('hour', i)", HOURS),
    Mutant("gone_is_seen", "a record that is gone is observed", "sql/evaluation/11_observe.sql", "JOIN records AS r ON", "LEFT JOIN records AS r ON", GONE),
    Mutant("now_never_back", "between two evaluations the clock only goes on", AFFECTED, "(made(this=then.copy(), expressions=[crossing.bound.copy()]) for made in (exp.Least, exp.Greatest))", "(then, crossing.bound.copy())", CLOCKS_BACK),
    Mutant("recipient_of_now", "whom a message goes to is read from the version that is live", "sql/evaluation/10_send.sql", "v.workflow = a.workflow AND v.version = a.version", "v.workflow = a.workflow AND v.is_current", OLD_RECIPIENT),
    Mutant("old_numbers", "older versions keep the numbers of before an edit of a segment", "pipelines/apply.py", "        _write_older(session, project)\n", "", OLD_SEGMENT),
    Mutant("retiring_unchecked", "the version that an apply retires is not looked at", "sql/queries/live.sql", "WHERE p.left_at IS NULL OR p.watched_until >= $as_of\nGROUP BY ALL", "WHERE NOT w.is_current\nGROUP BY ALL", OLD_FIELD),
    Mutant("looked_while_stopped", "whoever is stopped looks at the date that it waits for", ADVANCE, "WHERE p.status = 'active' AND s.date_value IS NOT NULL", "WHERE p.left_at IS NULL AND s.date_value IS NOT NULL", STOPPED),
    Mutant("recent_of_first", "rows are as recent as the first that asks wants them", "sql/truths/recent.py", "for starts in found))", "for starts in found[:1]))", WINDOWS),
    Mutant("leavers_ask", "whoever leaves asks anew only where somebody reached qualifies", "sql/evaluation/07_admit.sql", "if spells or leavers or orders]", "if spells or orders]", LEAVERS),
    Mutant("half_constant", "numbers against a half are rounded down", BITS + "values.py", 'return _against(values, ">=", high)', 'return _against(values, ">=", low)', ALIKE),
)  # fmt: skip
"""The list. A mutant that survives all its seeds fails the build."""
