"""`pitboss openapi`."""

from __future__ import annotations

import base64

import msgspec
import rich_click as click

from api.app import create_app
from api.commands.options import data_dir_option
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


@click.command()
@data_dir_option
def command(data_dir: str) -> None:
    """Print the API's OpenAPI 3.1 document as JSON; no stack need run."""
    schema = create_app(Settings.from_env(_NOWHERE)).openapi_schema.to_schema()
    click.echo(msgspec.json.format(msgspec.json.encode(schema), indent=2).decode())
