"""`python -m cli` is `winback`."""

from cli.app import main

main()
