"""How processes log: one line per event on stderr, readable or as JSON, from the configured level on."""

import logging
import sys

import structlog

from experiments.settings import Settings


def configure(settings: Settings) -> None:
    """Set the process's logging up: structlog's own events, and what libraries say from WARNING on."""
    level = logging.getLevelNamesMapping().get(settings.log_level.upper(), logging.INFO)
    renderer = structlog.processors.JSONRenderer() if settings.log_json else _console()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if settings.log_json else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")


def warnings_only() -> None:
    """What holds until `configure` is called: a command's stdout is its own, and stderr tells what went wrong."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, _console()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        # Whatever stderr is then: one that was replaced meanwhile may be closed.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def _console() -> structlog.dev.ConsoleRenderer:
    # The default formatter also prints local variables: keys and people's data have no place in a log.
    plain = structlog.dev.plain_traceback
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)
