"""Errors as ClickHouse reports them over HTTP: a code, a name and a status."""

from __future__ import annotations

import re

# Codes the gateway itself raises (src/Common/ErrorCodes.cpp of ClickHouse).
NAMES = {
    36: "BAD_ARGUMENTS",
    40: "CHECKSUM_DOESNT_MATCH",
    48: "NOT_IMPLEMENTED",
    62: "SYNTAX_ERROR",
    81: "UNKNOWN_DATABASE",
    89: "UNKNOWN_COMPRESSION_METHOD",
    115: "UNKNOWN_SETTING",
    164: "READONLY",
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    210: "NETWORK_ERROR",
    216: "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING",
    271: "CANNOT_DECOMPRESS",
    358: "INTO_OUTFILE_NOT_ALLOWED",
    372: "SESSION_NOT_FOUND",
    394: "QUERY_WAS_CANCELLED",
    396: "TOO_MANY_ROWS_OR_BYTES",
    497: "ACCESS_DENIED",
    516: "AUTHENTICATION_FAILED",
    1001: "STD_EXCEPTION",
}
CODES = {name: code for code, name in NAMES.items()}

# src/Server/HTTP/exceptionCodeToHTTPStatus.cpp, by name; what is not listed is 500.
_STATUS_BY_NAME: dict[str, int] = {
    **dict.fromkeys(("REQUIRED_PASSWORD",), 401),
    **dict.fromkeys(
        (
            "UNKNOWN_USER",
            "WRONG_PASSWORD",
            "AUTHENTICATION_FAILED",
            "SET_NON_GRANTED_ROLE",
            "ACCESS_DENIED",
        ),
        403,
    ),
    **dict.fromkeys(
        (
            "BAD_ARGUMENTS",
            "CANNOT_COMPILE_REGEXP",
            "CANNOT_PARSE_TEXT",
            "CANNOT_PARSE_ESCAPE_SEQUENCE",
            "CANNOT_PARSE_QUOTED_STRING",
            "CANNOT_PARSE_DATE",
            "CANNOT_PARSE_DATETIME",
            "CANNOT_PARSE_NUMBER",
            "CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING",
            "CANNOT_PARSE_IPV4",
            "CANNOT_PARSE_IPV6",
            "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
            "CANNOT_PARSE_UUID",
            "DUPLICATE_COLUMN",
            "ILLEGAL_COLUMN",
            "UNKNOWN_ELEMENT_IN_AST",
            "UNKNOWN_TYPE_OF_AST_NODE",
            "THERE_IS_NO_COLUMN",
            "TOO_DEEP_AST",
            "TOO_BIG_AST",
            "UNEXPECTED_AST_STRUCTURE",
            "SYNTAX_ERROR",
            "INCORRECT_DATA",
            "TYPE_MISMATCH",
            "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
        ),
        400,
    ),
    **dict.fromkeys(
        (
            "UNKNOWN_TABLE",
            "UNKNOWN_FUNCTION",
            "UNKNOWN_IDENTIFIER",
            "UNKNOWN_TYPE",
            "UNKNOWN_STORAGE",
            "UNKNOWN_DATABASE",
            "UNKNOWN_SETTING",
            "UNKNOWN_DIRECTION_OF_SORTING",
            "UNKNOWN_AGGREGATE_FUNCTION",
            "UNKNOWN_FORMAT",
            "UNKNOWN_DATABASE_ENGINE",
            "UNKNOWN_TYPE_OF_QUERY",
            "UNKNOWN_ROLE",
        ),
        404,
    ),
    "TIMEOUT_EXCEEDED": 408,
    "HTTP_LENGTH_REQUIRED": 411,
    "QUERY_IS_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "NOT_IMPLEMENTED": 501,
    "SOCKET_TIMEOUT": 503,
    "CANNOT_OPEN_FILE": 503,
    "CANNOT_SCHEDULE_TASK": 503,
    # A server answers 500 here; 503 tells clients and proxies what it is: come again.
    "TOO_MANY_SIMULTANEOUS_QUERIES": 503,
}

# The engine repeats the beginning when it reads rows, and names our descriptor as a file.
_ENGINE_MESSAGE = re.compile(r"(?:Code: (\d+)\. (?:DB::\w+: )?)+(.*)", re.DOTALL)
_OUR_FILE = re.compile(r" ?\(in file/uri /dev/fd/\d+\):?")
# The engine adds name and version once more for each layer that passes an error on.
_NAME_SUFFIX = re.compile(r"\(([A-Z][A-Z0-9_]+)\) ?(?:\(version [^()]*(?:\([^()]*\))?\))?\.?\s*\Z")
# The suffix is looked for here alone: the text before it is whatever a query made of it.
_SUFFIX_CHARACTERS = 200


class GatewayError(Exception):
    """An error a client is told of: ClickHouse's `code` and `name`, and the message."""

    def __init__(self, name: str, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.code = CODES[name] if code is None else code

    @property
    def http_status(self) -> int:
        return _STATUS_BY_NAME.get(self.name, 500)

    def body(self, version: str) -> bytes:
        """The error as a ClickHouse server of `version` words it."""
        text = f"Code: {self.code}. DB::Exception: {self.message} ({self.name})"
        # A header's bytes may be no text at all, and have come into the message.
        return f"{text} (version {version})\n".encode(errors="replace")


def from_engine(error: Exception) -> GatewayError:
    """What the engine raised, as text, read back into code, name and message."""
    said = str(error)
    if isinstance(error, UnicodeDecodeError):  # in a message that quotes what is no text
        said = error.object.decode(errors="replace")
    found = _ENGINE_MESSAGE.search(said)
    if found is None:
        return GatewayError("STD_EXCEPTION", said or type(error).__name__)
    code, text = int(found[1]), _OUR_FILE.sub("", found[2]).strip()
    name = ""
    while suffix := _NAME_SUFFIX.search(text, max(0, len(text) - _SUFFIX_CHARACTERS)):
        if name not in ("", suffix[1]):
            break
        name, text = suffix[1], text[: suffix.start()].rstrip()
    return GatewayError(name or NAMES.get(code, "STD_EXCEPTION"), text, code=code)
