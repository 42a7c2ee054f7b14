"""What can go wrong with a test cluster, said so that a person can act on it."""


class HarnessError(Exception):
    """A cluster cannot be made or used; the message says what to do about it."""


class CommandFailedError(HarnessError):
    """A command ended with a non-zero code."""

    def __init__(self, argv: list[str], code: int, output: str) -> None:
        """Keep the facts; the text is made when it is asked for."""
        super().__init__(argv, code, output)
        self.argv = argv
        self.code = code
        self.output = output

    def __str__(self) -> str:
        """Name the command, its code, and what it had to say."""
        return f"{' '.join(self.argv)}: exit code {self.code}\n{self.output.strip()}"
