"""`python -m feedproxy`: the commands."""

from feedproxy.cli import main

main()
