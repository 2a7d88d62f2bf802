"""`feedproxy completion`: print the shell script that completes commands and options."""

import click
from click.shell_completion import get_completion_class

from feedproxy.cli.console import examples
from feedproxy.errors import FeedproxyError

_VARIABLE = "_FEEDPROXY_COMPLETE"


@click.command(
    epilog=examples(
        'eval "$(feedproxy completion bash)"',
        "feedproxy completion zsh > ~/.zfunc/_feedproxy",
        "feedproxy completion fish > ~/.config/fish/completions/feedproxy.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what has SHELL complete feedproxy's commands and options; bash must be 4.4 or later.

    Ends with 0.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise FeedproxyError(f"completion: {shell} is not known")
    script = kind(context.find_root().command, {}, "feedproxy", _VARIABLE)
    click.echo(script.source_template % script.source_vars())
