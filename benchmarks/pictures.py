"""Pictures of the demo's dashboard for the documentation, taken by Chromium.

make demo && python -m benchmarks.pictures
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer
from playwright.sync_api import sync_playwright

SHOTS: dict[str, dict[str, Any]] = {
    "overview": {"page": "index", "width": 1200, "height": 1180},
    "workflow": {"page": "training_invitation", "width": 1200, "height": 1420},
    "workflow_dark": {"page": "adoption_drop", "width": 1200, "height": 1380, "scheme": "dark"},
    "workflow_phone": {"page": "training_invitation", "width": 390, "height": 1700},
    "flow": {"page": "adoption_drop", "width": 1200, "part": "section[aria-labelledby=flow]"},
    "queues": {"page": "queues", "width": 1200, "height": 1200},
}


def main(
    dashboard: Annotated[Path, typer.Option(help="The dashboard of `make demo`.")] = Path("demo/out/dashboard"),
    into: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("docs/pictures"),
) -> None:
    """Take every picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox"]
        )
        for name, shot in SHOTS.items():
            size = {"width": shot["width"], "height": shot.get("height", 900)}
            context = browser.new_context(viewport=size, color_scheme=shot.get("scheme", "light"))
            page = context.new_page()
            page.goto((dashboard / f"{shot['page']}.html").resolve().as_uri())
            path = str(into / f"{name}.png")
            page.locator(shot["part"]).screenshot(path=path) if "part" in shot else page.screenshot(path=path)
            context.close()
        browser.close()


if __name__ == "__main__":
    typer.run(main)
