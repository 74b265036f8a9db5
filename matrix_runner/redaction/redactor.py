"""The redactor of a run: masks its secrets in texts and output streams. Pure."""

from collections.abc import Iterable

import msgspec

from matrix_runner.errors import ConfigError, RunnerError
from matrix_runner.redaction.masking import MASK, MaskedStream, PatternTable, mask_bytes
from matrix_runner.redaction.secret_names import NameVerdict, SecretNames
from matrix_runner.redaction.shell_values import literal_parts
from matrix_runner.redaction.spellings import spellings


class Redactor(msgspec.Struct, frozen=True, kw_only=True):
    """Masks secrets. Without secrets it changes nothing, and costs nothing."""

    names: SecretNames = msgspec.field(default_factory=SecretNames)
    table: PatternTable = msgspec.field(default_factory=PatternTable)

    @classmethod
    def of(cls, names: SecretNames, secrets: Iterable[str]) -> "Redactor":
        """Create a redactor for these values, in all their spellings."""
        patterns = {form for secret in frozenset(secrets) for form in spellings(secret)}
        return cls(names=names, table=PatternTable.of(patterns))

    @property
    def has_secrets(self) -> bool:
        """Whether there is anything to mask."""
        return bool(self.table.patterns)

    def stream(self) -> MaskedStream:
        """Return the masking filter for one stream of bytes."""
        return MaskedStream(self.table)

    def text(self, text: str) -> str:
        """Return a text with every secret masked."""
        if not self.has_secrets:
            return text
        try:
            return mask_bytes(self.table, text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            # For surrogates that stand for no byte: no environment variable contains any.
            return mask_bytes(self.table, text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def optional_text(self, text: str | None) -> str | None:
        """Return `text` of an optional text."""
        return None if text is None else self.text(text)

    def shown(self, name: str, value: str) -> str:
        """Return the displayed value of a variable, as it stands between double quotes of a shell.

        `***` for a name that looks secret, whatever the value's length; but a value that consists of references to
        other variables is not secret itself.
        """
        is_reference = not any(literal_parts(value)) and "$(" not in value and "`" not in value
        if self.names.verdict(name) is NameVerdict.SECRET and not is_reference:
            return MASK
        return self.text(value)

    def mask_error(self, error: BaseException) -> None:
        """Mask the messages of an error and of its causes and contexts in place, before anything prints them."""
        seen: set[int] = set()
        waiting: list[BaseException | None] = [error]
        while waiting:
            one = waiting.pop()
            if one is None or id(one) in seen or not self.has_secrets:
                continue
            seen.add(id(one))
            waiting += [one.__cause__, one.__context__]
            one.args = tuple(self.text(each) if isinstance(each, str) else each for each in one.args)
            if isinstance(one, RunnerError):
                one.message, one.hint = self.text(one.message), self.optional_text(one.hint)
            if isinstance(one, ConfigError):
                one.mistakes = tuple(map(self.text, one.mistakes))
            if isinstance(one, OSError):
                # All of these are writable; a filename that is no text (a descriptor) contains no secret.
                one.strerror = self.optional_text(one.strerror)
                if isinstance(one.filename, str):
                    one.filename = self.text(one.filename)


NO_SECRETS = Redactor()
"""Changes nothing."""
