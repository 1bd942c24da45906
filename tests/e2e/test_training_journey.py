"""Trainings in the browser: one to its end and onto an image, one cancelled, one refused."""

import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from evonas.data.drawing import COLOURS, Found
from evonas.jobs import Job, JobQueue, JobStatus
from evonas.retraining import Example, plan_training, read_examples
from tests.browser import settle

pytestmark = pytest.mark.e2e

ARCH = "nano:000000000000000"
OTHER = "nano:117328917001000"
MINUTES = 400_000  # milliseconds, for a training on a machine that does much else


def figure(page: Page, label: str) -> Locator:
    return page.get_by_test_id("stMetric").filter(has_text=label)


def submit(page: Page, url: str, steps: int, seed: int, batch: int = 4) -> None:
    page.goto(f"{url}/training?arch={ARCH}")
    settle(page)
    for label, number in (("Steps", steps), ("Batch size", batch), ("Seed", seed)):
        page.get_by_role("spinbutton", name=label).fill(f"{number}")
        page.keyboard.press("Tab")
    page.get_by_role("combobox", name=re.compile("Initial weights")).click()
    page.get_by_role("option", name="supernet").click()
    page.get_by_role("button", name="Submit", exact=True).click()


def runs_int8(page: Page, picture: Path) -> None:
    """Has the files made, takes the int8 one away and runs it in LiteRT on an image."""
    page.get_by_role("button", name="Make ONNX, TFLite, int8 TFLite").click()
    expect(page.get_by_text("Writing and checking the files")).to_be_visible()
    int8 = page.get_by_role("button", name="int8 TFLite", exact=True)
    expect(int8).to_be_visible(timeout=MINUTES)
    settle(page)
    with page.expect_download() as download:
        int8.click()
    model = Path(download.value.path()).read_bytes()
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    [taken] = interpreter.get_input_details()
    assert taken["dtype"] is np.int8
    _, height, width, _ = taken["shape"]
    pixels = np.asarray(Image.open(picture).convert("RGB").resize((width, height)), np.int16)
    interpreter.set_tensor(taken["index"], (pixels - 128).astype(np.int8)[None])
    interpreter.invoke()
    for given in interpreter.get_output_details():
        assert np.ptp(interpreter.get_tensor(given["index"]).astype(int)) > 0


@pytest.fixture(scope="module")
def jobs(app_folder) -> Path:
    """Where the app's trainings lie."""
    return app_folder / "runs" / "jobs"


@pytest.fixture
def both_trained(jobs, scenes, tmp_path) -> Iterator[None]:
    """Both networks were trained here for ten steps; their figures are made up."""
    queue = JobQueue(tmp_path)
    for arch, ap in ((ARCH, 0.01), (OTHER, 0.02)):
        request = plan_training(arch, scenes, changes=("steps=10", "warmup_steps=1"), seed=5)
        job, _ = queue.submit(request)
        figures = {"map": ap, "coco": {}, "per_class": {}}
        job.run.metrics.write_text(json.dumps({"val": figures}))
        job.write_status(JobStatus("done", submitted=1e9, queued=1e9))
        shutil.copytree(job.path, jobs / job.id)
    yield
    for job in queue.list():
        shutil.rmtree(jobs / job.id)


def test_a_training_is_submitted_watched_and_its_network_finds_digits(
    open_page, url, scenes, jobs, serious
):
    page = open_page()
    submit(page, url, steps=12, seed=0)
    expect(figure(page, "state")).to_contain_text("done", timeout=MINUTES)
    expect(figure(page, "step")).to_contain_text("12 of 12")
    expect(page.get_by_role("heading", name="Detections")).to_be_visible()
    expect(page.get_by_test_id("stImage").first).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    [job] = [path.name for path in jobs.iterdir() if (path / "metrics.json").exists()]
    assert f"job={job}" in page.url

    with page.expect_download() as download:
        page.get_by_role("button", name="Curves as CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0].startswith("step,seconds,loss")
    assert len([line for line in lines[1:] if line.split(",")[2]]) == 12

    assert not serious(page)
    job_name = page.get_by_role("combobox", name="Training")
    expect(job_name).to_have_value(re.compile(f"^{ARCH} on scenes, 12 steps, seed 0"))
    runs_int8(page, sorted((scenes / "val").glob("*.png"))[0])
    page.get_by_role("link", name="Try it on an image").click()
    page.wait_for_url(re.compile(f"network={job}"))
    settle(page)
    name = re.compile(f"^{ARCH} on scenes, 12 steps, seed 0")
    expect(page.get_by_role("combobox", name="Network")).to_have_value(name)  # not a hash
    page.locator("input[type=file]").set_input_files(sorted((scenes / "val").glob("*.png"))[0])
    expect(page.get_by_text("Exporting this network to ONNX, once")).to_be_visible()
    expect(figure(page, "measured here")).to_contain_text(" ms", timeout=MINUTES)
    expect(page.get_by_test_id("stImage")).to_be_visible()
    expect(page.get_by_text("Measured here on this server")).to_be_visible()
    settle(page)
    assert not serious(page)
    the_truth_stands_beside(open_page, page, read_examples(Job(jobs / job).run)[0])
    page.locator("input[type=file]").set_input_files(
        {"name": "x.png", "mimeType": "image/png", "buffer": b"<script>alert(1)</script>"}
    )
    expect(page.get_by_role("alert")).to_contain_text("cannot be decoded")


def the_truth_stands_beside(open_page, page: Page, example: Example) -> None:
    """Holds that a validation image is shown with its true boxes, in lines that one can see."""
    page.get_by_role("slider", name="Least score").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile("least-score=0.55"))
    other = open_page()
    other.goto(f"{page.url}&source=Validation+image")
    settle(other)
    expect(other.get_by_role("slider", name="Least score")).to_have_value("0.55")
    expect(other.get_by_text("objects of the data set's annotations")).to_be_visible()
    shown = other.get_by_test_id("stImage").locator("img")
    expect(shown).to_have_count(2)
    picture = Image.open(io.BytesIO(other.request.get(shown.nth(1).evaluate("i => i.src")).body()))
    zoom = picture.width / Image.open(example.picture).width
    pixels = np.asarray(picture.convert("RGB"), np.int16)
    bold = [has_bold_side(pixels, entry, zoom) for entry in example.truth]
    assert sum(bold) > len(bold) / 2  # other boxes may lie over some


def has_bold_side(pixels: NDArray[np.int16], entry: Found, zoom: float) -> bool:
    """Returns whether the left side of an object's box is a line of three pixels or more.

    Args:
        pixels: (height, width, 3) The picture; it was sent as JPEG.
        entry: The object.
        zoom: Pixels of the picture for each pixel of the box.
    """
    x, top, _, bottom = (round(zoom * place) for place in entry.box)
    colour = bytes.fromhex(COLOURS[entry.label % len(COLOURS)][1:])
    line = pixels[(top + bottom) // 2, x + 1 : x + 4]  # all but the outermost pixel
    return bool(abs(line - tuple(colour)).max() < 60)


@pytest.mark.usefixtures("both_trained")
def test_a_training_of_a_few_steps_takes_no_place_in_compare(open_page, url):
    page = open_page()
    page.goto(f"{url}/compare?archs={ARCH},{OTHER}")
    settle(page)
    expect(page.locator(".st-key-normalised .js-plotly-plot")).to_be_visible()
    traces = page.locator(".st-key-normalised .js-plotly-plot").evaluate(
        "plot => plot.data.map(trace => Array.from(trace.y))"
    )
    assert "madds" in traces[0]
    assert traces[0] == traces[1]  # none of one design alone, which would read as 100 %
    assert not [name for name in traces[0] if name.startswith("trained_map (")]
    expect(page.get_by_text("trained_map (scenes, 10 steps, seed 5")).to_be_attached()


def test_a_training_is_cancelled_and_survives_a_reload(open_page, url, scenes):
    page = open_page()
    submit(page, url, steps=20_000, seed=1, batch=1)
    expect(figure(page, "state")).to_contain_text("running", timeout=MINUTES)
    page.reload()
    expect(figure(page, "state")).to_contain_text("running")
    page.get_by_role("button", name="Cancel").click()
    expect(figure(page, "state")).to_contain_text("cancelled", timeout=MINUTES)
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_read_only_refuses_to_submit(open_page, read_only_url):
    page = open_page()
    for address in ("training", "detect"):
        page.goto(f"{read_only_url}/{address}?arch={ARCH}")
        settle(page)
        expect(page.get_by_text("Read-only").first).to_be_visible()
        expect(page.get_by_role("button", name="Submit")).to_have_count(0)


def test_what_files_and_addresses_say_is_shown_as_text(open_page, url, app_folder):
    evil = "<img src=x onerror='window.hacked=1'>![](http://evil.example/a.png)<script>x</script>"
    job = app_folder / "runs" / "jobs" / "evil"
    job.mkdir(parents=True)
    status = {"state": "failed", "submitted": 1e9, "queued": 1e9, "message": evil}
    (job / "status.json").write_text(json.dumps(status))
    recipe = {"steps": 10}
    config = {"version": 1, "architecture": evil, "data": f"/x/{evil}", "recipe_name": evil}
    config |= {"recipe": recipe, "init": "scratch", "seed": 0, "table": None}
    (job / "config.json").write_text(json.dumps(config))
    (job / "log.txt").write_text(evil)
    page = open_page()  # it holds that nothing outside is asked for
    for address in ("training?job=evil", f"architecture?arch={evil}", f"detect?network={evil}"):
        page.goto(f"{url}/{address}")
        settle(page)
        assert page.evaluate("window.hacked") is None
        assert page.locator("img[src*=evil]").count() == 0
