"""The names of `evonas` itself."""

import evonas


def test_the_public_functions_are_offered_by_completion() -> None:
    assert {*evonas.__all__, "__version__"} <= {*dir(evonas)}
