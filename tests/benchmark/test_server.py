import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import evonas
from evonas.benchmark.server import serve
from evonas.cli import main

ROOT = Path(__file__).resolve().parents[2]

# A search in another language: random networks, then the best one's report.
NODE = """
const {spawn} = require('child_process');
const server = spawn(process.argv[2], ['-m', 'evonas', 'problem', 'serve', 'pico/u55']);
const lines = require('readline').createInterface({input: server.stdout});
const replies = lines[Symbol.asyncIterator]();
async function ask(request) {
  server.stdin.write(JSON.stringify(request) + '\\n');
  return JSON.parse((await replies.next()).value);
}
(async () => {
  const problem = await ask({do: 'describe'});
  const random = () => problem.genes.map(gene => Math.floor(Math.random() * gene.size));
  const genotypes = Array.from({length: 20}, random);
  const seen = await ask({do: 'evaluate', genotypes});
  const judged = await ask({do: 'judge', genotypes});
  console.log(JSON.stringify({genotypes, seen, judged}));
  server.stdin.end();
})();
"""


def answers(*requests: object) -> list[dict[str, object]]:
    lines = [r if isinstance(r, str) else json.dumps(r) for r in requests]
    return [json.loads(line) for line in serve(evonas.load_problem("pico/u55"), lines)]


def test_requests_and_their_answers() -> None:
    problem = evonas.load_problem("pico/u55")
    told, drawn = answers({"do": "describe"}, {"do": "sample", "n": 3, "seed": 1})
    assert told["reference_point"] == problem.reference_point.tolist()
    assert len(drawn["genotypes"]) == 3  # type: ignore[arg-type]
    front = problem.record.genotypes.tolist()
    judged = answers({"do": "judge", "genotypes": front})[0]
    assert judged["hypervolume"] == pytest.approx(1)
    unsure = answers({"do": "uncertainty", "genotypes": front})[0]
    assert unsure == {"deviations": np.zeros_like(judged["values"]).tolist()}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[" * 60 + "]" * 60, "nested more than"),
        ('{"do": "sample", "seed": ' + "9" * 400 + "}", "beyond 64 bits"),
        ("[]", "a request is a JSON object"),
        ({"do": "fly"}, "unknown request 'fly'; known: describe"),
        ({"do": "evaluate"}, "'genotypes' must be"),
        ({"do": "evaluate", "genotypes": [[0], [0, 1]]}, "'genotypes' must be"),
        ({"do": "evaluate", "genotypes": [[9] * 7]}, "allowed are 0 to 1"),
        ({"do": "evaluate", "genotypes": [[0.5] * 7]}, "not a whole number"),
        ({"do": "sample", "n": -1}, "n must be an integer from 1"),
        ({"do": "sample", "n": True}, "n must be an integer from 1"),
        ({"do": "sample", "seed": False}, "n must be an integer from 1"),
        ({"do": "sample", "n": 1.0}, "n must be an integer from 1"),
        ({"do": ["sample"]}, "unknown request"),
        ({"do": {"a": 1}}, "unknown request"),
        ({"do": None}, "unknown request"),
        ({"do": "evaluate", "genotypes": []}, "'genotypes' must be"),
        ({"do": "evaluate", "genotypes": [[]]}, "genotypes of shape"),
        ({"do": "evaluate", "genotypes": {"0": [0] * 7}}, "'genotypes' must be"),
        ({"do": "evaluate", "genotypes": [[True] * 7]}, "whole numbers are allowed"),
        ({"do": "evaluate", "genotypes": [["0"] * 7]}, "whole numbers are allowed"),
        ({"do": "evaluate", "genotypes": [[None] * 7]}, "whole numbers are allowed"),
        ({"do": "evaluate", "genotypes": [[[0]] * 7]}, "whole numbers are allowed"),
        ({"do": "judge", "genotypes": [[2**62] * 7]}, "allowed are 0 to 1"),
        ({"do": "judge", "genotypes": "0000000"}, "'genotypes' must be"),
    ],
)
def test_a_bad_request_is_answered_and_the_next_one_too(request_: object, message: str) -> None:
    bad, good = answers(request_, {"do": "describe"})
    assert message in str(bad["error"])
    assert good["problem"] == "pico/u55"


def test_bytes_that_are_no_text_do_not_end_the_server() -> None:
    command = [sys.executable, "-m", "evonas", "problem", "serve", "pico/u55"]
    lines = b'\xff\xfe\n{"do": "sample", "n": true}\n{"do": "sample"}\n'
    ran = subprocess.run(command, input=lines, capture_output=True, cwd=ROOT, check=True)
    replies = [json.loads(line) for line in ran.stdout.splitlines()]
    assert ["error" in reply for reply in replies] == [True, True, False]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("node") is None, reason="no other language here")
def test_a_script_of_another_language_reaches_a_problem(tmp_path: Path) -> None:
    script = tmp_path / "search.js"
    script.write_text(NODE)
    ran = subprocess.run(
        ["node", str(script), sys.executable], cwd=ROOT, capture_output=True, text=True, check=True
    )
    told = json.loads(ran.stdout)
    problem = evonas.load_problem("pico/u55")
    genotypes = np.array(told["genotypes"])
    np.testing.assert_allclose(told["seen"]["values"], problem.observe(genotypes)[0])
    values = problem.evaluate_genotypes(genotypes)
    assert told["judged"]["hypervolume"] == pytest.approx(problem.hypervolume(values))


def test_commands_list_and_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["problem", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["problems"]
    assert [p["name"] for p in listed] == evonas.list_problems()
    assert main(["problem", "show", "nano/cpu-noisy", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert "surrogate of trained AP" in shown["columns"]["map"]["source"]
    errors = shown["columns"]["map"]["errors"]
    assert errors["n"] == 265
    assert 0.6 <= errors["tau_best_quarter"] < errors["tau"]
    sources = {"pico/u55-budget": "supernet", "nano/cpu-noisy": "surrogate of trained AP"}
    for name, source in sources.items():
        assert main(["problem", "show", name]) == 0
        assert source in capsys.readouterr().out
    assert main(["problem", "show", "pico/x"]) == 2


def test_a_front_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    problem = evonas.load_problem("pico/u85")
    assert main(["problem", "front", "pico/u85"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    values = [[float(row[o.name]) for o in problem.objectives] for row in rows]
    np.testing.assert_allclose(values, problem.true_front)
    genotypes = problem.space.genotypes([row["arch_id"] for row in rows])
    np.testing.assert_allclose(problem.evaluate_genotypes(genotypes), problem.true_front)
