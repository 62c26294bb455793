"""Configuration: environment variables with the prefix WINBACK_ and a .env file."""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from experiments.forwarding import Network, parse_networks


def _none_if_empty(value: Any) -> Any:
    return None if value == "" else value


RATE = r"([1-9][0-9]{0,5})/(second|minute)(?:,([1-9][0-9]{0,5}))?"
"""How a rate limit is written: requests per second or minute, and how many at once (model.access.rate_limits)."""

BROKER_SCHEMES = ("amqp", "amqps", "nats", "kafka")
"""Schemes of the brokers that we speak to; experiments.connectors.brokers has a class for each."""


def _known_broker(url: str | None) -> str | None:
    if url is not None and url.partition("://")[0] not in BROKER_SCHEMES:
        raise ValueError(f"must begin with {', '.join(f'{name}://' for name in BROKER_SCHEMES)}")
    return url


def _known_rate(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(RATE, text):
        raise ValueError("must be such as 100/second, or 600/minute,50 with the burst behind the comma")
    return text


def _networks(text: str) -> str:
    parse_networks(text)
    return text


_Empty = BeforeValidator(_none_if_empty)
"""An empty variable means none, so that an environment can take back what a .env file says."""


class Settings(BaseSettings):
    """Everything that can be set from outside. Durations in seconds."""

    model_config = SettingsConfigDict(env_prefix="WINBACK_", env_file=".env", extra="ignore")

    database_url: str = "sqlite:///var/winback.db"
    broker_url: Annotated[str | None, _Empty, AfterValidator(_known_broker)] = Field(
        None, description="amqp://, nats:// or kafka://; none: no streams"
    )
    broker_prefix: str = Field("winback", pattern=r"^[A-Za-z0-9_-]{1,60}$", description="what queues are named after")
    broker_prefetch: int = Field(500, ge=1, le=65_535, description="messages taken before they are acknowledged")
    data_dir: Annotated[Path | None, _Empty] = Field(
        None, description="where the history of units is kept, as Parquet files"
    )
    batch_dir: Annotated[Path | None, _Empty] = Field(
        None, description="the folder whose files batch decisions may read"
    )
    audit_key: Annotated[str | None, _Empty] = Field(
        None, min_length=32, description="what seals the audit trail; none: a file in the data directory"
    )
    api_host: str = "127.0.0.1"
    api_port: int = 8000
    dashboard_host: str = "127.0.0.1"
    dashboard_port: int = 8050
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = Field(
        "", description="addresses and networks, parted by commas, whose X-Forwarded-… headers are believed"
    )
    log_level: str = "INFO"
    log_json: bool = False
    access_log: bool = Field(False, description="one structured line per request; costs throughput")
    snapshot_poll: float = Field(0.5, gt=0, description="how often an API process looks for new snapshots and changes")
    worker_interval: float = Field(1.0, gt=0, description="how often the worker joins, learns and rolls up")
    lease_seconds: float = Field(10.0, gt=0, description="how long a dead worker keeps others waiting")
    max_body_bytes: int = Field(1_048_576, ge=0, description="the largest request body, also once it is unzipped")
    max_header_bytes: int = Field(32_768, ge=1_024, description="the largest request head: address and headers")
    header_timeout: float = Field(10.0, gt=0, description="how long a caller may take for the whole head")
    body_timeout: float = Field(30.0, gt=0, description="the same for a body, and a second more for every 8 kB")
    allow_private_webhooks: bool = Field(False, description="whether to push to private addresses")
    database_timeout: float = Field(0.8, gt=0, description="how long a request waits for the database")
    key_rate_limit: Annotated[str | None, _Empty, AfterValidator(_known_rate)] = Field(
        None, description="of keys that have no limit of their own; none: as often as they like"
    )
    report_timeout: float = Field(10.0, gt=0, description="the same of what calculates, such as results")

    @property
    def proxies(self) -> tuple[Network, ...]:
        """Whose forwarded headers are believed."""
        return parse_networks(self.trusted_proxies)

    @property
    def report_patience(self) -> float:
        """Seconds that what calculates may take: never less than anything else."""
        return max(self.report_timeout, self.database_timeout)

    @property
    def is_sqlite(self) -> bool:
        """Whether the embedded database is used."""
        return self.database_url.startswith("sqlite")

    @property
    def sqlite_path(self) -> Path:
        """The file of the embedded database."""
        return Path(self.database_url.removeprefix("sqlite:///"))

    @property
    def history_path(self) -> Path:
        """The data directory: beside the embedded database's file, or `var/history` in the working directory."""
        if self.data_dir is not None:
            return self.data_dir
        return self.sqlite_path.with_suffix(".history") if self.is_sqlite else Path("var/history")


@cache
def settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
