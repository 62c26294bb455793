# syntax=docker/dockerfile:1
FROM python:3.12-slim AS packages
COPY requirements/run.lock /tmp/run.lock
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/run.lock

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/winback winback \
 && install -d -o winback /var/lib/winback/data
COPY --from=packages /opt/venv /opt/venv
COPY bandit /opt/winback/bandit
COPY offline_eval /opt/winback/offline_eval
COPY experiments /opt/winback/experiments
COPY api /opt/winback/api
COPY dashboard /opt/winback/dashboard
COPY cli /opt/winback/cli
COPY migrations /opt/winback/migrations
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/winback PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    WINBACK_API_HOST=0.0.0.0 WINBACK_DASHBOARD_HOST=0.0.0.0 WINBACK_LOG_JSON=true
USER winback
WORKDIR /var/lib/winback
EXPOSE 8000 8050
ENTRYPOINT ["python", "-m", "cli"]
CMD ["api"]
