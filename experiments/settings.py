"""Configuration: environment variables with the prefix WINBACK_ and a .env file."""

from functools import cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything that can be set from outside. Durations in seconds."""

    model_config = SettingsConfigDict(env_prefix="WINBACK_", env_file=".env", extra="ignore")

    database_url: str = "sqlite:///var/winback.db"
    broker_url: str | None = None
    api_host: str = "127.0.0.1"
    api_port: int = 8000
    dashboard_port: int = 8050
    log_level: str = "INFO"
    log_json: bool = False
    access_log: bool = Field(False, description="one structured line per request; costs throughput")
    snapshot_poll: float = Field(0.5, gt=0, description="how often an API process looks for new snapshots and changes")
    worker_interval: float = Field(1.0, gt=0, description="how often the worker joins, learns and rolls up")
    lease_seconds: float = Field(10.0, gt=0, description="how long a dead worker keeps others waiting")
    max_body_bytes: int = 1_048_576
    database_timeout: float = Field(0.8, gt=0, description="how long a request waits for the database")

    @property
    def is_sqlite(self) -> bool:
        """Whether the embedded database is used."""
        return self.database_url.startswith("sqlite")

    @property
    def sqlite_path(self) -> Path:
        """The file of the embedded database."""
        return Path(self.database_url.removeprefix("sqlite:///"))


@cache
def settings() -> Settings:
    """The process's settings, read once."""
    return Settings()
