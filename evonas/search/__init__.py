"""The search: a pymoo problem over genotypes, operators that know the space, the run."""

from evonas.search.run import Progress, SearchResult, run_search, run_spec
from evonas.search.spec import SearchSpec, make_spec

__all__ = ["Progress", "SearchResult", "SearchSpec", "make_spec", "run_search", "run_spec"]
