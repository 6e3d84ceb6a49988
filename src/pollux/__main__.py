"""`python -m pollux` is `pollux`."""

from pollux.cli import main

main()
