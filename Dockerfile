# One image for all console scripts: askproai-operator, askproai-runtime, askproai. The base is any Debian or Python image with
# Python 3.11 or later, `venv` and CA certificates. The build changes nothing in it, so vulnerability reports about the base stay valid.
ARG BASE_IMAGE=python:3.11-slim

FROM ${BASE_IMAGE} AS build
# pip trusts the same certificate authorities as the base, so a company's own authority that is mounted there works as well.
ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY hack/requirements/image.txt hack/requirements/build.txt /src/hack/requirements/
# Wheels only: a package that requires a compiler fails here instead of in a later release.
RUN python3 -m venv /opt/venv && python3 -m venv /opt/build \
 && /opt/venv/bin/pip install --quiet --require-hashes --only-binary :all: -r /src/hack/requirements/image.txt \
 && /opt/build/bin/pip install --quiet --require-hashes --only-binary :all: -r /src/hack/requirements/build.txt
COPY pyproject.toml README.md LICENSE /src/
COPY core /src/core
COPY operator /src/operator
COPY runtime /src/runtime
COPY cli /src/cli
RUN /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheel /src \
 && /opt/venv/bin/pip install --quiet --no-deps /wheel/*.whl \
 && /opt/venv/bin/pip uninstall --quiet --yes pip setuptools

FROM ${BASE_IMAGE}
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1
# A number, because `runAsNonRoot` cannot read /etc/passwd; the tenants' pods use the same one.
USER 65532:65532
WORKDIR /tmp
