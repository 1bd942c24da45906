"""The search: a pymoo problem over genotypes, operators that know the space, the run."""

from evonas.search.question import Question, make_question
from evonas.search.run import Progress, SearchResult, run_search

__all__ = ["Progress", "Question", "SearchResult", "make_question", "run_search"]
