"""How request bodies are read."""

from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import ValidationException

from api.problems import Problem

MAX_BODY_BYTES = 1 << 20


class StrictRequest(Request[Any, Any, Any]):
    """Decodes a JSON body straight into the handler's type.

    Litestar decodes into plain objects and converts those leniently, so that ``"100"`` would pass
    for 100. Here a wrong type, a missing field and an unknown one are all refused.
    """

    async def json(self) -> Any:
        """The body as the handler's ``data`` type.

        Raises ``Problem`` ``malformed_body`` for what is not JSON and ``ValidationException`` for
        what does not have the form.
        """
        field = self.route_handler.parsed_data_field
        decoder = _decoder(field.annotation if field else Any)
        try:
            return decoder.decode(await self.body())
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at `$")
            key = path.rstrip("`").lstrip(".") or None
            raise ValidationException(
                extra=[{"message": message, "key": key, "source": "body"}]
            ) from error
        except ValueError as error:
            raise Problem("malformed_body", "The request body is not valid JSON.") from error


@lru_cache(256)
def _decoder(annotation: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(annotation)
