"""The floor that decisions are measured by: a bare FastAPI endpoint, pydantic body in and out."""

from fastapi import FastAPI
from pydantic import BaseModel


class Body(BaseModel):
    """What a campaign system sends."""

    unit_id: str
    context: dict[str, float | str | None] = {}
    idempotency_key: str | None = None


app = FastAPI()


@app.post("/echo")
async def echo(body: Body) -> Body:
    """Nothing but parsing and writing."""
    return body
