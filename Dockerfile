# The operator's image: Python, the locked dependencies, the sources; nothing else, and nothing that is writable.
#
#   docker build --tag registry.example/queue-worker-operator:0.1.0 .
#
# A release names its base by digest, so that the same commit makes the same files again:
#
#   docker build --build-arg PYTHON=python:3.13-slim@sha256:… …
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv --without-pip /opt/operator
COPY requirements/operator.txt /build/
# Wheels only: no package runs code of its own here. Bytecode without times of writing is made below; pip's own carries
# them, and is left out by the flag alone (PIP_NO_COMPILE=1 asks for it).
RUN pip --python /opt/operator/bin/python install --no-compile --require-hashes --only-binary :all: -r /build/operator.txt
# Not installed but copied: a build backend would be one more dependency, and none of the lock's.
COPY operator/queueworkers /build/queueworkers
RUN packages="$(/opt/operator/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && cp -r /build/queueworkers "$packages" \
 && /opt/operator/bin/python -m compileall -q --invalidation-mode unchecked-hash "$packages"

FROM ${PYTHON}
COPY --from=build /opt/operator /opt/operator
ENV PATH=/opt/operator/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# A number, so that the kubelet can tell that it is not root.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["python", "-m", "queueworkers"]
