"""Run the command line interface: `python -m feedproxy`."""

from feedproxy.cli import main

main()
