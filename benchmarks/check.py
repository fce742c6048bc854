"""How long `drumbeat check` takes, start-up included: the starter's catalog, and as many workflows as asked for.

    python -m benchmarks.check --workflows 500

Every workflow has six leaves and eight steps, drawn from the seed. The command runs in a process of its own, several
times, and the fastest run counts: it is the one least disturbed by other work.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

import definitions

STARTER = Path(definitions.__file__).parent / "starter"
_INDUSTRIES = ("Cybersecurity", "DevTools", "EdTech", "FinTech", "HealthTech")
_PLANS = ("Basic", "Pro", "Enterprise")
_STATUSES = ("onboarding", "adopted", "at_risk", "renewing", "growing", "churned")
_MESSAGES = ("onboarding_welcome", "renewal_hello", "adoption_check_in", "expansion_seats", "win_back_open")


def write_workflows(folder: Path, count: int, seed: int) -> None:
    """The starter without its data, with generated workflows in place of its own."""
    shutil.copytree(STARTER, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("data", "tests", "__pycache__"))
    shutil.rmtree(folder / "workflows")
    (folder / "workflows").mkdir()
    chance = random.Random(seed)
    for number in range(count):
        path = folder / "workflows" / f"w{number:04}.yaml"
        path.write_text(_workflow(number, chance), encoding="utf-8")


def _workflow(number: int, chance: random.Random) -> str:
    first, second, third, inside, until, objective = (_leaf(chance) for _ in range(6))
    return f"""\
object: account
description: Generated workflow {number}, for measuring.
owner: cs-ops@example.com
state: enabled
launch: newcomers
priority: {chance.randint(0, 1000)}
entry:
  when:
    - {first}
    - any:
        - {second}
        - {third}
    - none: [segment('{chance.choice(("churned", "in_trial"))}')]
reentry: {{after: requalifying, wait: {chance.randint(2, 90)} days}}
recipient: {{relation: contacts, where: role = 'champion', order_by: last_seen_at desc}}
objective:
  name: Objective {number}
  when: "{objective}"
  measure: {chance.choice(("mrr", "seats", "usage_8w"))}
steps:
  - id: mark
    update: {{cs_status: {chance.choice(_STATUSES)}}}
  - id: call
    task:
      assign: owner
      title: "Call {{{{ account.account_name }}}} about case {number}"
      due: {chance.randint(2, 9)} days
  - id: hello
    email:
      template: messages/{chance.choice(_MESSAGES)}.md
      subject: "Case {number} for {{{{ account.account_name }}}}"
      from: owner
  - id: pause
    wait: {{until: "{until}", at_most: {chance.randint(2, 60)} days}}
  - id: outlook
    branch:
      - name: Worth a visit
        if: "{inside}"
        steps:
          - id: visit
            task: {{assign: owner, title: "Visit {{{{ account.account_name }}}}", due: 1 day}}
    else:
      - id: remind
        notify: {{channel: "#success", text: "{{{{ account.account_name }}}} is quiet, case {number}"}}
  - id: close
    webhook:
      url: https://example.com/hooks/{number}
      body: {{account_id: "{{{{ account.account_id }}}}", seats: "{{{{ account.seats }}}}"}}
"""


def _leaf(chance: random.Random) -> str:
    days = chance.randint(7, 365)
    return chance.choice(
        (
            f"seats between {chance.randint(1, 50)} and {chance.randint(51, 500)}",
            f"industry in ('{chance.choice(_INDUSTRIES)}', '{chance.choice(_INDUSTRIES)}') and seats > {days}",
            f"plan_tier = '{chance.choice(_PLANS)}' and signup_date < today() - interval {days} days",
            f"count(tickets) filter (where priority = 'urgent' and submitted_at > today() - interval {days} days) >= 2",
            f"usage_8w < {chance.randint(1, 99)} / 100.0 * usage_prior_8w",
            f"exists(subscriptions) filter (where not is_trial and start_date > today() - interval {days} days)",
            f"mrr > {chance.randint(10, 9_999)} or urgent_4w > {chance.randint(1, 9)}",
            f"changed_to(cs_status, '{chance.choice(_STATUSES)}') and seats >= {chance.randint(1, 200)}",
            f"coalesce(features_8w, 0) >= {chance.randint(1, 30)} and lower(country) = 'us'",
            f"days_since(last_contract_on) > {days}",
        )
    )


def main(
    workflows: Annotated[int, typer.Option(help="how many workflows")] = 500,
    seed: Annotated[int, typer.Option(help="decides the workflows")] = 7,
    runs: Annotated[int, typer.Option(help="how often to run; the fastest counts")] = 3,
    folder: Annotated[Path | None, typer.Option(help="where to write the project; is kept")] = None,
) -> None:
    """Measure the command line's check of a generated project."""
    with tempfile.TemporaryDirectory(prefix="drumbeat-check-") as made:
        place = folder or Path(made)
        write_workflows(place, workflows, seed)
        seconds = min(_run(place) for _ in range(runs))
    print(f"check of {workflows} workflows: {seconds:.2f} s, start-up included, on {os.cpu_count()} cores")


def _run(folder: Path) -> float:
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "pipelines.cli.main", "check", "--no-warnings", "-p", str(folder)], check=True
    )
    return time.perf_counter() - begun


if __name__ == "__main__":
    typer.run(main)
