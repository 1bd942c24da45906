import shlex

import pytest

from evonas.figures.architecture import strip_figure
from evonas.space import list_baselines, list_published, load_published
from evonas.space.costs import params
from evonas.space.layers import layer_rows
from tests.app.conftest import SPACE, make_table, the_button
from tests.docs.shell import parse_evonas


def test_architecture_shows_any_network(open_app):
    at = open_app(page="architecture")
    for name in [*list_published(), *list_baselines(), "nano:000000000000000"]:
        at = at.text_input(key="arch").set_value(name).run()
        assert not at.exception, name
        assert not at.error, name


def test_a_link_opens_its_network_and_the_shortlist_changes_no_link(open_app, folder):
    arch_id = SPACE.arch_ids(make_table(folder / "other", 5).genotypes())[2]
    at = open_app(page="architecture", arch=arch_id)
    assert at.text_input(key="arch").value == arch_id
    at = the_button(at, "Add to the shortlist").click().run()
    assert the_button(at, "On the shortlist").disabled
    assert at.query_params["arch"] == arch_id


def test_hostile_identifiers_are_one_message(open_app):
    at = open_app(page="architecture")
    for value in [
        "../../etc/passwd",
        "<script>alert(1)</script>",
        "nano:zzzzzzzzzzzzzzz",
        "nano:" + "0" * 70,
        "x:0",
        "",
        "nano:\x00",
        "mobiledet-cpu; rm -rf /",
    ]:
        at = at.text_input(key="arch").set_value(value).run()
        assert not at.exception, value
        assert len(at.error) == 1, value


def test_a_damaged_table_leaves_the_rest_of_the_page(open_app, folder):
    at = open_app(page="architecture")
    (folder / "runs" / "broken" / "table").mkdir(parents=True)
    (folder / "runs" / "broken" / "table" / "part-1.h5").write_bytes(b"broken")
    at = at.text_input(key="arch").set_value("nano:000000000000000").run()
    assert "run broken cannot be read" in at.warning[0].value
    assert str(folder) not in at.warning[0].value
    assert "On the command line" in [header.value for header in at.subheader]
    assert not at.exception


@pytest.mark.parametrize("gene", ["stem.width", "b2.l2.op"])
def test_one_gene_is_changed_live(open_app, gene):
    at = open_app(page="architecture", arch="nano:0173a00230027c0", gene=gene)
    assert at.selectbox(key="gene").value == gene
    assert not at.exception


def test_layers_have_all_parameters_of_the_backbone():
    architecture = load_published("mobiledet-edgetpu")
    rows = layer_rows(architecture)
    head = sum(
        conv.params()
        for level in architecture.levels()
        for conv in (*level.stage, *level.boxes, *level.classes)
    )
    total = params(architecture) - head - architecture.stem_conv().params()
    assert sum(row.params for row in rows) == total
    figure = strip_figure(rows)
    assert len(figure.data) == len(rows) + 4
    assert list(figure.layout.xaxis.ticktext) == [f"{n}" for n in range(1, 8)]


@pytest.mark.parametrize(("n", "scores"), [(0, None), (1, None), (3, float("nan"))])
def test_any_table_will_do(open_app, n, scores):
    at = open_app(n, scores, page="architecture", arch="nano:000000000000000")
    assert not at.exception
    assert not at.error


def test_every_command_that_it_shows_is_one(open_app):
    at = open_app(page="architecture", arch="nano:0173a00230027c0")
    [shown] = [block.value for block in at.code if "evonas train" in block.value]
    for line in shown.splitlines():
        parse_evonas(shlex.split(line)[1:])  # SystemExit if an option is missing or unknown
