"""The project stands alone: contracts between rooms, and a wheel that runs the demo elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_four_rooms_and_all_they_need(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    rooms = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert rooms == {"definitions", "sql", "connectors", "pipelines"}
    for needed in (
        "sql/evaluation/09_advance.sql",
        "sql/migrations/0001_spine.sql",
        "sql/queries/live.sql",
        "definitions/starter/project.yaml",
        "definitions/starter/data/ravenstack/LICENSE.md",
        "definitions/sales_starter/project.yaml",
        "definitions/starter/tests/onboarding.yaml",
        "definitions/templates/_common/project.yaml",
        "definitions/templates/renewal_90/template.yaml",
        "definitions/templates/renewal_90/messages/renewal_hello.md",
    ):
        assert needed in names, needed


def test_the_demo_runs_from_the_wheel_elsewhere(wheel: Path, tmp_path: Path) -> None:
    site, home = tmp_path / "site", tmp_path / "home"
    home.mkdir()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=300)
    environment = {**os.environ, "PYTHONPATH": str(site), "HOME": str(home), "COLUMNS": "120"}
    where = [sys.executable, "-P", "-c", "import pipelines; print(pipelines.__file__)"]
    found = subprocess.run(where, check=True, capture_output=True, text=True, cwd=home, env=environment, timeout=60)
    assert found.stdout.startswith(str(site))
    demo = [sys.executable, "-P", "-m", "pipelines.cli.main", "demo", "mine", "--weeks", "3"]
    ran = subprocess.run(demo, check=True, capture_output=True, text=True, cwd=home, env=environment, timeout=300)
    assert "onboarding" in ran.stdout
    assert (home / "mine" / "warehouse.duckdb").is_file()
    assert list((home / "mine" / "out" / "actions").glob("*.jsonl"))
    assert (home / "mine" / "out" / "dashboard" / "index.html").is_file()
    again = subprocess.run(demo, check=True, capture_output=True, text=True, cwd=home, env=environment, timeout=300)
    assert "nothing changed" in again.stdout


def test_a_template_is_made_from_the_wheel_elsewhere(wheel: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(wheel), "COLUMNS": "120"}
    command = [sys.executable, "-P", "-m", "pipelines.cli.main", "init", "mine", "--template", "win_back"]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, env=environment, timeout=60)
    check = [sys.executable, "-P", "-m", "pipelines.cli.main", "check", "-p", "mine"]
    ran = subprocess.run(check, check=True, capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=60)
    assert ran.stdout.strip().endswith("no problems")


def test_checking_needs_no_engine_and_no_orchestrator() -> None:
    code = "import sys; import pipelines.cli.main; print([m for m in ('dagster', 'duckdb', 'polars', 'pyarrow') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("room", ["definitions", "sql", "connectors", "pipelines"])
def test_no_module_is_longer_than_400_lines_and_no_function_than_50(room: str) -> None:
    import ast

    for path in (ROOT / room).rglob("*.py"):
        text = path.read_text()
        assert text.count("\n") <= 400, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 50, f"{path}: {node.name}"


@pytest.mark.parametrize(
    ("package", "names"),
    [
        ("sql", ["DuckDBSession", "Plan", "Statement", "compile_plan"]),
        (
            "connectors",
            ["Action", "Batch", "Outcome", "Receipt", "Since", "Sink", "Source", "Traits", "open_sink", "open_source"],
        ),
    ],
)
def test_facades_are_short(package: str, names: list[str]) -> None:
    assert import_module(package).__all__ == names
