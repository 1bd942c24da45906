"""`python -m evonas.cli`: the command line without an installed script."""

from evonas.cli import main

raise SystemExit(main())
