"""Text of a secret in a file or an environment variable, as it was meant by whoever wrote it."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from anomaly.errors import ConfigError

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HINT = "put the secret there before the command; the site file never holds it"


def read_secret(env: str | None, file: Path | None, where: str, environ: Mapping[str, str]) -> str | None:
    """Return a secret without what editors and shells add: byte-order mark, line end, blanks around the text.

    Args:
        env: name of the environment variable that holds it.
        file: path of the file that holds it, in UTF-8.
        where: the sink, for errors.
        environ: the environment variables.

    Returns:
        The secret; None if neither a variable nor a file is named.

    Raises:
        ConfigError: the secret is missing, empty, in another encoding, or holds an invisible character.
    """
    if env is not None:
        source, text = f"environment variable {env}", environ.get(env, "")
    elif file is not None:
        source, text = str(file), _read(file, where)
    else:
        return None
    secret = text.removeprefix("\ufeff").strip()
    if not secret:
        raise ConfigError(f"the secret is empty: {source}", where=where, hint=_HINT)
    for number, character in enumerate(secret, 1):
        if character not in "\n\r\t" and unicodedata.category(character) in ("Cc", "Cf", "Cs"):
            raise ConfigError(
                f"the secret holds an invisible character (U+{ord(character):04X}, the {number}.): {source}",
                where=where,
                hint="write it again as plain text, such as with printf '%s' 'the secret' > FILE",
            )
    return secret


def _read(file: Path, where: str) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        message = f"the secret cannot be read: {file}: {error.strerror}"
        raise ConfigError(message, where=where, hint=_HINT) from error
    hint = f"save {file} as plain text in UTF-8"
    if content.startswith(_UTF_16):
        raise ConfigError(f"the secret is in UTF-16: {file}", where=where, hint=hint)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"the secret cannot be read: it is not in UTF-8: {file}"
        raise ConfigError(reason, where=where, hint=hint) from error
