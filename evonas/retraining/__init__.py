"""Full training of one architecture: what is asked for, the run's folder, the run.

What needs torch is in `evonas.retraining.run` and what it imports, so that a run can be planned
and looked at without it.
"""

from evonas.retraining.examples import Example, read_examples
from evonas.retraining.folder import RunFolder
from evonas.retraining.request import Retraining, plan_training

__all__ = ["Example", "Retraining", "RunFolder", "plan_training", "read_examples"]
