"""What a search may be asked to do."""

from app.searches.request import Request
from app.searches.scorers import complete_table, scored_columns
from app.shared.runs import check_name
from app.shared.settings import find_data
from evonas.errors import ConfigurationError, unknown_name
from evonas.scoring.load import SCORERS

MOST_POPULATION, MOST_GENERATIONS, MOST_SEEDS = 500, 1000, 10


def check(request: Request) -> None:
    """Refuses what may not be asked for.

    Raises:
        ConfigurationError: A name, number, objective or data set that is not allowed.
    """
    check_name(request.name)
    for what, number, most in (
        ("population", request.population, MOST_POPULATION),
        ("generations", request.generations, MOST_GENERATIONS),
    ):
        if not 1 <= number <= most:
            raise ConfigurationError(f"{what} is {number}; allowed are 1 to {most}")
    if request.scorer not in SCORERS:
        raise unknown_name("scorer", request.scorer, SCORERS)
    spec = request.spec()
    if spec.scored:
        _check_scorer(request, spec.scored)


def _check_scorer(request: Request, scored: tuple[str, ...]) -> None:
    if request.scorer == "supernet" and request.data not in find_data():
        raise ConfigurationError(
            f"{', '.join(scored)} needs a data set: make one with "
            "`evonas data make digits --out data/digits`"
        )
    for column in scored:
        if column not in scored_columns(request.scorer, request.space):
            raise ConfigurationError(f"the scorer {request.scorer} does not give {column}")
    if request.scorer == "table" and request.table != complete_table(request.space):
        raise ConfigurationError(
            f"table {request.table[:40]!r} does not hold every network of {request.space}"
        )
