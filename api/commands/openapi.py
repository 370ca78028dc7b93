"""`pitboss openapi`."""

from __future__ import annotations

import base64

import msgspec
import rich_click as click
from litestar import Litestar

from api.app import create_app
from api.commands.options import data_dir_option
from api.openapi import document
from api.settings import Settings

# Nothing is connected to make the document: the addresses only have to be well-formed.
_NOWHERE = {
    "PITBOSS_POSTGRES_URL": "postgresql://nobody@127.0.0.1/pitboss",
    "PITBOSS_REDIS_URL": "redis://127.0.0.1/0",
    "PITBOSS_CLICKHOUSE_URL": "http://nobody@127.0.0.1/pitboss",
    "PITBOSS_SECRET_KEY": "unused" * 8,
    "PITBOSS_WEBHOOK_SECRET_MOCK": "whsec_" + base64.b64encode(b"unused" * 6).decode(),
    "PITBOSS_LOG_LEVEL": "ERROR",
}


def unconnected_app() -> Litestar:
    """The application as it is made before a server starts it: it has routes, and no stores."""
    return create_app(Settings.from_env(_NOWHERE))


@click.command()
@data_dir_option
def command(data_dir: str) -> None:
    """Print the API's OpenAPI 3.1 document as JSON; no stack need run."""
    text = msgspec.json.encode(document(unconnected_app()))
    click.echo(msgspec.json.format(text, indent=2).decode())
