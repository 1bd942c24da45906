"""From a data set, a device and hours to a trained, exported detector, by the existing commands.

`evonas.find.cost` needs torch and is imported where costs are measured.
"""

from evonas.find.report import write_report
from evonas.find.run import Watcher, run_find
from evonas.find.spec import FindPlan, FindSpec
from evonas.find.stages import Stage, stages

__all__ = ["FindPlan", "FindSpec", "Stage", "Watcher", "run_find", "stages", "write_report"]
