"""Numbers of options are checked in one place, for every command."""

import pytest

from evonas.cli import main

REFUSED = [
    (["search", "--seed", "-1"], "whole number from 0"),
    (["search", "--seed", "1_0"], "whole number from 0"),
    (["search", "--seed", str(2**63)], "whole number from 0"),
    (["search", "--population", "100001"], "whole number from 1 to 100000"),
    (["bench", "compare", "--population", "100001"], "whole number from 2 to 100000"),
    (["search", "--population", "٣"], "whole number from 1"),
    (["search", "--generations", "true"], "whole number from 1"),
    (["demo", "--seed", "1.5"], "whole number from 0"),
    (["bench", "compare", "--workers", "0"], "whole number from 1 to 4096"),
    (["table", "query", "x", "--limit", "0"], "whole number from 1"),
    (["table", "query", "x", "--seed", "-3"], "whole number from 0"),
    (["device", "measure", "--device", "x", "--count", "9" * 30], "whole number from 1"),
    (["detect", "x", "y", "--threshold", "nan"], "number from 0 to 1"),
    (["supernet", "evaluate", "--threads", "-1"], "whole number from 0"),
    (["supernet", "train", "--distillation", "inf"], "number from 0"),
    (["worker", "--gpus", "nan"], "number from 0"),
    (["problem", "serve", "pico/u55", "--seed", "-1"], "whole number from 0"),
    (["job", "submit", "x", "--seed", "-1"], "whole number from 0"),
    (["train", "x", "--seed", "0x1"], "whole number from 0"),
    (["data", "make", "digits", "--out", "x", "--train", "1_0"], "whole number from 1"),
    (["data", "make", "digits", "--out", "x", "--size", "1e3"], "whole number from 32 to 8000"),
    (["data", "make", "digits", "--out", "x", "--seed", "-1"], "whole number from 0"),
    (["data", "convert", "x", "--out", "y", "--val-share", "inf"], "number from 0 to 1"),
    (["data", "convert", "x", "--out", "y", "--max-loss", "nan"], "number from 0 to 1"),
    (["data", "split", "x", "--out", "y", "--seed", "0x1"], "whole number from 0"),
    (["data", "tile", "x", "--out", "y", "--size", "nan"], "whole number from 1 to 8000"),
    (["data", "tile", "x", "--out", "y", "--size", "32", "--scale", "1_0"], "--scale 1_0"),
    (["data", "tile", "x", "--out", "y", "--size", "9", "--keep-empty", "2"], "from 0 to 1"),
    (["app", "--port", "1_000"], "whole number from 1 to 65535"),
    (["val", "x", "--data", "y", "--bootstrap", "-1"], "whole number from 0 to 100000"),
    (["val", "x", "--data", "y", "--seed", "1_0"], "whole number from 0"),
    (["table", "front", "pico-v3", "--objectives", "map,madds", "--reference", "1_0,1"], "numbers"),
    (["train", "--resume", "--out", "x", "--set", "steps=700"], "without --set"),
    (["train", "--resume", "--out", "x", "--seed", "0"], "without --seed"),
    (["train", "pico:0000000", "--resume", "--out", "x"], "without ARCH"),
    (["device", "fit", "--device", "../../x", "--space", "nano"], "device name"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_a_number_that_cannot_be_is_a_usage_error(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
