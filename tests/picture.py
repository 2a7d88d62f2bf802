"""`make picture`: docs/picture.png, a section and an article of the demo in a real browser."""

import io
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from feedproxy import demo

FILE = Path(__file__).resolve().parents[1] / "docs" / "picture.png"
BIND = os.environ.get("FEEDPROXY_BIND", "127.0.0.1:8000")
PAGES = ("/landscape", "/landscape/blob/master/pages/lake/n2014.md")
WIDTH, HEIGHT, GAP = 620, 860, 16


def wait_for_articles() -> None:
    """Wait until the demo has all its articles, for two minutes at most."""
    for _ in range(240):
        time.sleep(0.5)
        try:
            with urllib.request.urlopen(f"http://{BIND}/feed/all.xml") as answer:
                if answer.read().count(b"<item>") == len(demo.pieces()):
                    return
        except OSError:
            continue
    raise SystemExit(f"the demo does not come up at {BIND}")


def shots() -> list[Image.Image]:
    with sync_playwright() as playing:
        browser = playing.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        taken = []
        for path in PAGES:
            page.goto(f"http://{BIND}{path}", wait_until="load")
            taken.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
        browser.close()
    return taken


if __name__ == "__main__":
    with subprocess.Popen(
        [sys.executable, "-m", "feedproxy", "demo"], env={**os.environ, "FEEDPROXY_BIND": BIND}
    ) as running:
        try:
            wait_for_articles()
            left, right = shots()
        finally:
            running.terminate()
    both = Image.new("RGB", (2 * WIDTH + GAP, HEIGHT), (208, 208, 204))
    both.paste(left, (0, 0))
    both.paste(right, (WIDTH + GAP, 0))
    both.quantize(128).save(FILE, optimize=True)
    sys.stdout.write(f"{FILE}: {FILE.stat().st_size // 1000} kB\n")
