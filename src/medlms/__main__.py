"""`python -m medlms` is `medlms`."""

from medlms.cli import main

main()
