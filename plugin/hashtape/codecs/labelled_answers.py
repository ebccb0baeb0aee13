"""Whole JSON answers of known operations, labelled with the class that the client gives them (spec §1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hashtape.codecs.base import Context, Decoded, chunk, chunk_data, is_chunk
from hashtape.codecs.json_text import Json, parse, parse_object

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MODEL_TYPE", "LabelledAnswerCodec", "ModelListCodec"]

# Operation → the label, and a key that tells an answer of this class from any other JSON.
_ANSWERS = {
    "/v1/chat/completions": ("openai.types.chat.chat_completion.ChatCompletion", "choices"),
    "/v1/completions": ("openai.types.completion.Completion", "choices"),
    "/v1/responses": ("openai.types.responses.response.Response", "output"),
    "/api/chat": ("ollama._types.ChatResponse", "message"),
    "/api/generate": ("ollama._types.GenerateResponse", "response"),
    "/api/embeddings": ("ollama._types.EmbedResponse", "embeddings"),
    "/api/tags": ("ollama._types.ListResponse", "models"),
    "/api/ps": ("ollama._types.ProcessResponse", "models"),
}
MODEL_TYPE = "openai.types.model.Model"


class LabelledAnswerCodec:
    """A JSON object ↔ one labelled entry. Encodes every labelled answer, whatever class the label names."""

    name = "labelled-answer"
    proves_itself = False
    content_type = "application/json"

    def decode(self, body: bytes, context: Context) -> Decoded | None:
        """See `Codec`."""
        label, key = _ANSWERS.get(context.operation, ("", ""))
        if not label or not context.is_success:
            return None
        value = parse_object(body)
        return Decoded(chunk(label, value)) if value is not None and key in value else None

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:
        """See `Codec`."""
        if decoded.is_streaming or not is_chunk(decoded.body):
            return None
        return [context.spell(chunk_data(decoded.body))]

    def respelled(self, body: bytes, context: Context) -> bytes:
        """See `Codec`."""
        return context.spell(parse(body))


class ModelListCodec:
    """`{"object": "list", "data": […]}` ↔ a bare list of labelled models (spec §5)."""

    name = "openai-models"
    proves_itself = False
    content_type = "application/json"

    def decode(self, body: bytes, context: Context) -> Decoded | None:
        """See `Codec`. A list with more to it (paging, say) is not this format."""
        if not context.operation.endswith("/models") or not context.is_success:
            return None
        value = parse_object(body)
        if value is None or list(value) != ["object", "data"] or value["object"] != "list":
            return None
        models = value["data"]
        if not isinstance(models, list) or not all(isinstance(m, dict) and "id" in m for m in models):
            return None
        return Decoded([chunk(MODEL_TYPE, model) for model in models])

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:
        """See `Codec`."""
        body = decoded.body
        is_list = context.operation.endswith("/models")
        # Old recordings call a list a stream, as the client hands it out item by item.
        if not isinstance(body, list) or (decoded.is_streaming and not (body and is_list)):
            return None
        if not all(is_chunk(entry, MODEL_TYPE) for entry in body) or not (body or is_list):
            return None
        models: list[Json] = [chunk_data(entry) for entry in body]
        return [context.spell({"object": "list", "data": models})]

    def respelled(self, body: bytes, context: Context) -> bytes:
        """See `Codec`."""
        return context.spell(parse(body))
