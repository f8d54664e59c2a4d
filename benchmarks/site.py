"""How quick the pages of `zoo site` are in a browser: first paint and load of an index of many exports, and of a page.

The index is made of rows that nobody exported, as many as asked; the page is that of an export. Both are served on
loopback and opened in headless Chromium, several times, each with an empty cache; times and bytes are what the browser
itself says. Bytes are those of the page with its style and scripts, without model and runtime.

    python benchmarks/site.py [--exports 2000] [--export exported/lenet5-digits] [--rounds 5]

Exit code 1 where the index takes more than a second to load, or a page has more than 300,000 bytes.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from zoo_core.commands import machine_kind, package_versions
from zoo_plugins.site.building import build
from zoo_plugins.site.facts import page_of
from zoo_plugins.site.folders import write
from zoo_plugins.site.index_page import index_page
from zoo_plugins.site.options import Asked
from zoo_plugins.site.pages import Pages
from zoo_plugins.site.server import open_site

ROOT = Path(__file__).parents[1]
MOST_SECONDS, MOST_BYTES = 1.0, 300_000
TASKS = ("image-classification", "detection", "semantic-segmentation", "audio-classification", "regression")
LICENSES = ("Apache-2.0", "MIT", "BSD-3-Clause", "CC-BY-4.0", "")
SETTLING_SECONDS = 3.0
"""A browser that has just started is busy with itself, not with a page."""
MEASURED = """
const [way] = performance.getEntriesByType("navigation");
const paint = performance.getEntriesByName("first-contentful-paint")[0];
const all = [way, ...performance.getEntriesByType("resource")];
const bytes = all.map((each) => each.decodedBodySize).reduce((one, other) => one + other, 0);
return [paint.startTime / 1000, way.loadEventEnd / 1000, bytes];
"""


def made_up(count: int) -> list[dict[str, Any]]:
    """Rows of exports that nobody made, different in everything that is filtered and sorted."""
    return [
        {
            "name": f"network-{number:04}-dataset-{number % 37}",
            "task": TASKS[number % 5],
            "state": "verified" if number % 29 else "changed",
            "error": None,
            "source": page_of(f"network-{number:04}"),
            "dataset": f"dataset-{number % 37}",
            "trained": number % 3 > 0,
            "metric": {"name": "test accuracy", "value": 0.5 + (number * 7919 % 5000) / 10_000},
            "parameters": 1000 * (1 + number * 104_729 % 90_000),
            "bytes": 4000 * (1 + number * 104_729 % 90_000),
            "floors": 0.5 + number % 40 / 10,
            "mutation_score": 0.9 + number % 100 / 1000,
            "latency": {
                "seconds": 1e-5 * (1 + number * 6_007 % 9_000),
                "engine": "onnxruntime",
                "machine": "Linux x86_64, 2 processors",
            },
            "license": LICENSES[number % 5],
        }
        for number in range(count)
    ]


def browser() -> Any:
    """Headless Chromium, with Debian's driver."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,900"):
        options.add_argument(flag)
    return webdriver.Chrome(service=Service(executable_path=shutil.which("chromedriver")), options=options)


def chromium_version() -> str:
    """The first number of the browser's version."""
    driver = browser()
    try:
        return str(driver.capabilities["browserVersion"]).partition(".")[0]
    finally:
        driver.quit()


def measured(url: str) -> tuple[float, float, float, int]:
    """Seconds to the first paint and to the end of loading, processor seconds of the page's own thread until all is
    drawn, and bytes; in a browser that has never seen the page."""
    driver = browser()
    try:
        driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
        driver.get("about:blank")
        time.sleep(SETTLING_SECONDS)
        driver.get(url)
        time.sleep(2)
        paint, load, size = driver.execute_script(MEASURED)
        counted = {
            each["name"]: each["value"] for each in driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        }
    finally:
        driver.quit()
    return float(paint), float(load), float(counted["TaskDuration"]), int(size)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--exports", type=int, default=2000)
    parser.add_argument("--export", type=Path, default=ROOT / "exported" / "lenet5-digits")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="zoo-site-") as name:
        folder = Path(name) / "site"
        made = build({arguments.export.name: arguments.export}, folder, Asked(title="Models"), progress=lambda _: None)
        rows = made_up(arguments.exports)
        write(folder / "index.html", index_page(Pages({"title": "Models", "pages": []}), rows))
        with open_site(folder) as server:
            threading.Thread(target=server.serve, daemon=True).start()
            for what, path in ((f"index of {len(rows):,}", "index.html"), ("a page", made.rows[0]["source"])):
                found = [measured(f"{server.url}{path}") for _ in range(arguments.rounds)]
                paints, loads, busy, sizes = zip(*found, strict=True)
                paint, load = statistics.median(paints), statistics.median(loads)
                print(
                    f"{what}: first paint {paint:.2f} s ({min(paints):.2f} to {max(paints):.2f}), loaded {load:.2f} s "
                    f"({min(loads):.2f} to {max(loads):.2f}), {statistics.median(busy):.2f} s of the page's thread, "
                    f"{sizes[0]:,} bytes; {len(found)} rounds",
                    flush=True,
                )
                failed |= load > MOST_SECONDS or (path != "index.html" and sizes[0] > MOST_BYTES)
            server.stop()
    versions = {**package_versions(("zoo-core", "jinja2")), "Chromium": chromium_version()}
    print(f"{machine_kind()}; {', '.join(f'{name} {version}' for name, version in versions.items())}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
