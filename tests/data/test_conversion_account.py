"""What went in is what came out, and what was lost; for every reader."""

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evonas.data import load_coco
from evonas.data.box_rules import judge
from evonas.data.convert import convert_dataset
from evonas.data.convert_options import ConvertOptions
from evonas.errors import ConfigurationError, DataError
from tests.data.layouts import image, instances, text, voc_xml, yolo

WIDTH, HEIGHT = 100, 80
EVERYTHING = {"max_loss": 1.0}


@pytest.mark.parametrize(
    ("box", "kept", "outcome"),
    [
        ((10, 10, 20, 20), (10, 10, 20, 20), "as read"),
        ((-5, 10, 20, 20), (0, 10, 15, 20), "cut at the edge"),
        ((90, 70, 10.5, 10.5), (90, 70, 10, 10), "cut at the edge"),
        ((40, 30, -20, -10), (20, 20, 20, 10), "corners put in order"),
        ((math.nan, 0, 5, 5), None, "not finite numbers"),
        ((0, 0, math.inf, 5), None, "not finite numbers"),
        ((5, 5, 0, 5), None, "no size"),
        ((100, 5, 10, 10), None, "outside the image"),
        ((-10, 5, 10, 10), None, "outside the image"),
        ((5, 5, 0.3, 9), None, "under a pixel"),
        ((99.5, 5, 40, 40), None, "under a pixel"),
    ],
)
def test_rules_for_boxes(box, kept, outcome):
    assert judge(box, WIDTH, HEIGHT, corners=True) == (kept, outcome)


def test_what_is_not_mended_is_dropped():
    assert judge((-5, 0, 20, 20), WIDTH, HEIGHT, mend=False)[1] == "reaching out of the image"
    assert judge((-1, 0, 20, 20), WIDTH, HEIGHT, mend=False)[0] == (0, 0, 19, 20)
    assert judge((9, 9, -5, 5), WIDTH, HEIGHT)[1] == "swapped corners or a negative size"


numbers = st.one_of(
    st.floats(-50, 150, allow_nan=False).map(lambda x: round(x, 2)),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1.0, 80.0, 100.0]),
)
boxes = st.lists(st.tuples(st.sampled_from(["cat", "dog"]), *[numbers] * 4), max_size=4)
many = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return [image(folder / f"f{i}.png", (WIDTH, HEIGHT)) for i in range(2)]


def place(pictures, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        (folder / picture.name).hardlink_to(picture)


def as_yolo(folder, rows, pictures):
    place(pictures, folder / "train" / "images")
    lines = "".join(
        f"{['cat', 'dog'].index(n)} {a / WIDTH} {b / HEIGHT} {c / WIDTH} {d / HEIGHT}\n"
        for n, a, b, c, d in rows
    )
    text(folder / "train" / "labels" / "f0.txt", lines)
    text(folder / "train" / "labels" / "f1.txt", "0 .5 .5 .2 .2\n")
    text(folder / "data.yaml", "train: train/images\nnames: [cat, dog]\n")


def as_voc(folder, rows, pictures, flat=False):
    place(pictures, folder if flat else folder / "JPEGImages")
    where = folder if flat else folder / "Annotations"
    voc_xml(where / "f0.xml", [(*row, "") for row in rows], (WIDTH, HEIGHT))
    voc_xml(where / "f1.xml", [("cat", 10, 10, 40, 40, "")])


def as_flat_voc(folder, rows, pictures):
    as_voc(folder, rows, pictures, flat=True)


def as_coco(folder, rows, pictures):
    place(pictures, folder / "train")
    content = instances(2, [], ["cat", "dog"])
    for entry in content["images"]:
        entry["file_name"] = entry["file_name"].replace("jpg", "png")
    rows = [(0, *row) for row in rows] + [(1, "cat", 10, 10, 30, 30)]
    content["annotations"] = [
        {"id": k, "image_id": i, "category_id": 1 + (n == "dog"), "bbox": box}
        for k, (i, n, *box) in enumerate(rows)
    ]
    text(folder / "annotations" / "instances_train.json", json.dumps(content))


def as_cvat(folder, rows, pictures):
    place(pictures, folder)
    shapes = "".join(
        f'<box label="{n}" xtl="{a}" ytl="{b}" xbr="{c}" ybr="{d}"/>' for n, a, b, c, d in rows
    )
    last = '<box label="cat" xtl="10" ytl="10" xbr="40" ybr="40"/>'
    images = "".join(
        f'<image name="f{i}.png" width="{WIDTH}" height="{HEIGHT}">{held}</image>'
        for i, held in enumerate((shapes, last))
    )
    labels = "<label><name>cat</name></label><label><name>dog</name></label>"
    text(folder / "a.xml", f"<annotations><meta>{labels}</meta>{images}</annotations>")


def as_label_studio(folder, rows, pictures):
    place(pictures, folder)
    rows = [(0, *row) for row in rows] + [(1, "cat", 10, 10, 30, 30)]
    tasks = []
    for i in range(2):
        shapes = [
            {"value": {"x": a, "y": b, "width": c, "height": d, "rectanglelabels": [n]}}
            for where, n, a, b, c, d in rows
            if where == i
        ]
        tasks.append({"data": {"image": f"f{i}.png"}, "annotations": [{"result": shapes}]})
    text(folder / "export.json", json.dumps(tasks))


def as_deeppcb(folder, rows, pictures):
    kinds = {"cat": 1, "dog": 2}
    folder.mkdir()
    for picture in pictures:
        (folder / f"{picture.stem}_test.jpg").hardlink_to(picture)
    text(folder / "f0.txt", "".join(f"{a} {b} {c} {d} {kinds[n]}\n" for n, a, b, c, d in rows))
    text(folder / "f1.txt", "10 10 40 40 1\n")
    text(folder / "trainval.txt", "f0.jpg f0.txt\nf1.jpg f1.txt\n")


LAYOUTS = [as_yolo, as_voc, as_flat_voc, as_coco, as_cvat, as_label_studio, as_deeppcb]


@pytest.mark.parametrize("write", LAYOUTS)
@pytest.mark.parametrize("bad_boxes", ["clip", "drop"])
@many
@given(rows=boxes)
def test_boxes_read_are_boxes_written_and_dropped(
    tmp_path_factory, pictures, write, bad_boxes, rows
):
    folder = tmp_path_factory.mktemp("source")
    write(folder / "in", rows, pictures)
    options = ConvertOptions(bad_boxes=bad_boxes, splits={"train": "1.0"}, **EVERYTHING)
    try:
        account = convert_dataset(folder / "in", folder / "out", options).splits["train"]
    except DataError as error:
        # Only labels of which most are no shares at all are beyond an account.
        if write is as_yolo and "are in pixels" in str(error):
            return
        raise
    assert account.boxes_read == len(rows) + 1
    assert account.boxes_read == account.boxes_written + sum(account.dropped.values())
    assert sum(account.changed.values()) <= account.boxes_written
    written = load_coco(folder / "out", "train", "refuse")  # nothing is left to refuse
    assert len(written.boxes) == account.boxes_written == sum(account.per_class.values())
    assert account.images == 2
    far = written.boxes[:, :2] + written.boxes[:, 2:]
    assert (written.boxes[:, :2] >= 0).all()
    assert (far <= [WIDTH + 1e-3, HEIGHT + 1e-3]).all()
    kept = json.loads((folder / "out" / "conversion.json").read_text())
    assert kept["splits"]["train"]["boxes_written"] == account.boxes_written


def test_swapped_corners_and_boxes_outside_are_accounted_for(tmp_path):
    objects = [("leaf", 50, 50, 10, 10, ""), ("leaf", 200, 200, 300, 300, "")]
    for i in range(4):
        image(tmp_path / "v" / "JPEGImages" / f"f{i}.jpg")
        voc_xml(
            tmp_path / "v" / "Annotations" / f"f{i}.xml",
            [*objects, ("leaf", 30, 30, 60, 70, "")],
        )
    conversion = convert_dataset(tmp_path / "v", tmp_path / "out")
    assert conversion.reasons("changed") == {"corners put in order": 4}
    assert conversion.reasons("dropped") == {"outside the image": 4}
    train = load_coco(tmp_path / "out", "train")
    assert train.boxes[:2].tolist() == [[9, 9, 41, 41], [29, 29, 31, 41]]


def test_nothing_is_written_where_most_would_be_lost(tmp_path):
    folder = yolo(tmp_path / "y", "0 nan .5 .2 .2\n0 .5 .5 -.2 .2\n0 .5 .5 .2 .2\n")
    with pytest.raises(DataError, match=r"16 of 24 boxes would be lost .*nothing was written"):
        convert_dataset(folder, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["y"]
    conversion = convert_dataset(folder, tmp_path / "out", ConvertOptions(max_loss=0.7))
    assert conversion.total("boxes_written") == 8


def test_no_boxes_at_all_are_refused(tmp_path):
    with pytest.raises(DataError, match="no boxes at all in train"):
        convert_dataset(yolo(tmp_path / "y", ""), tmp_path / "out")


def test_unreadable_images_are_listed_and_skipped_on_request(tmp_path):
    folder = yolo(tmp_path / "y", "0 .5 .5 .2 .2\n")
    for name in ("f1", "f2"):
        (folder / "train" / "images" / f"{name}.jpg").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"(?s)2 images cannot be used; --skip.*f1\.jpg.*f2\.jpg"):
        convert_dataset(folder, tmp_path / "out")
    conversion = convert_dataset(folder, tmp_path / "out", ConvertOptions(skip_unreadable=True))
    assert conversion.images == {"train": 2, "val": 4}
    assert len(conversion.unreadable) == 2


def test_names_of_images_do_not_collide(tmp_path):
    folder = tmp_path / "y"
    for i, name in enumerate(("f.jpg", "F.jpg", "f-2.jpg")):
        image(folder / "images" / str(i) / name)
        text(folder / "labels" / str(i) / name.replace("jpg", "txt"), "0 .5 .5 .2 .2\n")
    image(folder / "images" / "3" / "f.jpg")
    text(folder / "labels" / "3" / "f.txt", "0 .5 .5 .2 .2\n")
    text(folder / "data.yaml", "train: images\nnames: [cat]\n")
    convert_dataset(folder, tmp_path / "out", ConvertOptions(splits={"train": "1"}))
    names = load_coco(tmp_path / "out", "train").file_names
    assert len({name.casefold() for name in names}) == 4


@pytest.mark.parametrize(
    "options",
    [{"bad_boxes": "keep"}, {"unlabelled": "no"}, {"resized": "no"}, {"max_loss": 2},
     {"val_share": 0}],
)  # fmt: skip
def test_options_out_of_range(options):
    with pytest.raises(ConfigurationError, match=r"must be|allowed"):
        ConvertOptions(**options)
