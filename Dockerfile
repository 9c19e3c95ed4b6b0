# syntax=docker/dockerfile:1
# Two images from one file:
#   docker build .                     the worker: no torch, no compiler, no data
#   docker build --target trainer .    the same and what training needs
# An artifact is not part of either: it is mounted.

ARG PYTHON_IMAGE=python:3.12.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS base
ENV PATH=/opt/nextclick/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PIP_CACHE_DIR=/var/cache/pip \
    PIP_DISABLE_PIP_VERSION_CHECK=1
# The folders are made here, so that a new volume mounted on one belongs to the user who writes to it.
RUN useradd --system --uid 10001 --home-dir /srv --shell /usr/sbin/nologin nextclick \
    && install --directory --owner nextclick --group nextclick \
        /srv /srv/artifacts /srv/checkpoints /srv/data /srv/state
WORKDIR /srv

FROM base AS build
RUN python -m venv /opt/nextclick
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY models models
COPY export export
COPY workers workers
COPY nextclick nextclick
RUN --mount=type=cache,target=/var/cache/pip pip install ".[rocksdb]"

FROM build AS build-trainer
# torch's own index of CPU builds; the package index's default build brings gigabytes of CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN --mount=type=cache,target=/var/cache/pip \
    pip install --index-url "${TORCH_INDEX}" "torch~=2.13.0" \
    && pip install ".[rocksdb,train]"

FROM base AS trainer
COPY --from=build-trainer /opt/nextclick /opt/nextclick
USER nextclick
ENTRYPOINT ["nextclick"]
CMD ["--help"]

# The last stage is the one that `docker build .` makes.
FROM base AS worker
COPY --from=build /opt/nextclick /opt/nextclick
USER nextclick
ENV NEXTCLICK_ARTIFACT=/srv/artifacts/model \
    NEXTCLICK_STATE_FOLDER=/srv/state \
    NEXTCLICK_WEB_HOST=0.0.0.0
EXPOSE 6066
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:6066/readyz', timeout=2)"]
ENTRYPOINT ["nextclick"]
CMD ["worker"]
