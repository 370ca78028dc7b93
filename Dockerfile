# The image of api, worker and migrate alike; compose.yaml says which of them runs.
FROM python:3.13-slim-bookworm

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

WORKDIR /app
COPY requirements.txt ./
RUN pip install --require-hashes -r requirements.txt

COPY pyproject.toml README.md LICENSE ./
COPY api api
COPY ledger ledger
COPY warehouse warehouse
COPY dashboards dashboards
COPY loadgen loadgen
RUN pip install --no-deps --no-build-isolation . && useradd --system --no-create-home pitboss

USER pitboss
WORKDIR /
EXPOSE 8000
CMD ["python", "-m", "api.serve"]
