"""Parameters of a request: served, passed on as settings, or refused."""

import pytest

from warehouse.gateway.auth import Role, User, Users, credentials
from warehouse.gateway.errors import GatewayError, from_engine
from warehouse.gateway.request import QueryRequest, read


def request(*pairs: tuple[str, str], **headers: str) -> QueryRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read(pairs, named, default_database="pitboss", new_query_id="new")


def test_sorts_parameters_by_what_they_are() -> None:
    found = request(
        ("query", "SELECT {x:UInt8}"),
        ("param_x", "1"),
        ("max_threads", "2"),
        ("database", "other"),
        ("query_id", "mine"),
        ("session_id", "s"),
        ("wait_end_of_query", "1"),
        ("default_format", "JSON"),
    )
    assert found.query == b"SELECT {x:UInt8}"
    assert found.params == {"x": "1"}
    assert found.settings == {"max_threads": "2"}
    assert (found.database, found.query_id) == ("other", "mine")
    assert (found.default_format, found.wait_end_of_query) == ("JSON", True)


def test_headers_stand_in_for_parameters() -> None:
    found = request(X_ClickHouse_Database="other", X_ClickHouse_Format="CSV")
    assert (found.database, found.default_format) == ("other", "CSV")
    assert (request().database, request().query_id) == ("pitboss", "new")


def test_compresses_only_when_asked() -> None:
    assert request(Accept_Encoding="gzip").coding is None
    asked = request(("enable_http_compression", "1"), Accept_Encoding="gzip, lz4")
    assert asked.coding == "lz4"


@pytest.mark.parametrize(
    ("pair", "name"),
    [
        (("role", "admin"), "NOT_IMPLEMENTED"),
        (("stacktrace", "1"), "NOT_IMPLEMENTED"),
        (("session_check", "1"), "NOT_IMPLEMENTED"),
        (("http_write_exception_in_output_format", "1"), "NOT_IMPLEMENTED"),
        (("wait_end_of_query", "maybe"), "BAD_ARGUMENTS"),
        (("buffer_size", "-1"), "BAD_ARGUMENTS"),
    ],
)
def test_refuses_what_it_does_not_serve(pair: tuple[str, str], name: str) -> None:
    with pytest.raises(GatewayError) as refused:
        request(pair)
    assert refused.value.name == name


def test_refuses_a_parameter_given_twice_with_different_values() -> None:
    with pytest.raises(GatewayError):
        request(("database", "a"), ("database", "b"))


def users() -> Users:
    writer = User("writer", "w-secret", Role.WRITER)
    return Users("pitboss", {"writer": writer})


@pytest.mark.parametrize(
    ("headers", "params"),
    [
        ({"Authorization": "Basic d3JpdGVyOnctc2VjcmV0"}, {}),
        ({"X-ClickHouse-User": "writer", "X-ClickHouse-Key": "w-secret"}, {}),
        ({}, {"user": "writer", "password": "w-secret"}),
    ],
)
def test_three_ways_to_say_who_one_is(headers: dict[str, str], params: dict[str, str]) -> None:
    assert users().authenticate(*credentials(headers, params)).role is Role.WRITER


@pytest.mark.parametrize(
    ("headers", "params"),
    [
        ({}, {}),
        ({}, {"user": "writer"}),
        ({}, {"user": "writer", "password": "W-secret"}),
        ({}, {"user": "nobody", "password": ""}),
        ({"Authorization": "Bearer x"}, {}),
        ({"Authorization": "Basic %%%"}, {}),
        ({"Authorization": "Basic d3JpdGVyOnctc2VjcmV0"}, {"user": "writer"}),
    ],
)
def test_wrong_credentials_are_refused(headers: dict[str, str], params: dict[str, str]) -> None:
    with pytest.raises(GatewayError) as refused:
        users().authenticate(*credentials(headers, params))
    assert (refused.value.code, refused.value.http_status) == (516, 403)


@pytest.mark.parametrize(
    ("text", "code", "name", "status"),
    [
        ("Code: 60. DB::Exception: No table. (UNKNOWN_TABLE)", 60, "UNKNOWN_TABLE", 404),
        (
            "Streaming insert finish failed: Code: 27. DB::Exception: Bad row:\nat row 1."
            " (CANNOT_PARSE_INPUT_ASSERTION_FAILED) (version 26.9.2.1)",
            27,
            "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
            400,
        ),
        ("something else", 1001, "STD_EXCEPTION", 500),
    ],
)
def test_reads_the_engines_errors(text: str, code: int, name: str, status: int) -> None:
    error = from_engine(RuntimeError(text))
    assert (error.code, error.name, error.http_status) == (code, name, status)
    assert "version" not in error.message
