# The project in a container, for macOS, Windows and hosted machines: docs/start/docker.md.
#   docker build -t guie .                       the CPU (the default)
#   docker build -t guie-cuda --target cuda .    with TensorFlow's CUDA wheel: never run on a GPU yet
# `npm run check:bare -- --dockerfile` runs these lines in a bare Debian, without Docker.

# What README.md names, and an ordinary user
FROM debian:13-slim AS machine
RUN apt-get update \
  && apt-get install --yes --no-install-recommends nodejs npm python3 python3-venv g++ \
  && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --shell /bin/bash guie \
  && install --directory --owner=guie --group=guie /home/guie/universal-image-embedding
USER guie
WORKDIR /home/guie/universal-image-embedding
EXPOSE 8888
# Inside its container JupyterLab listens on every address; who reaches it is decided by `docker run -p`. Its token stays on.
CMD ["node", "scripts/lab.mjs", "--ip=0.0.0.0", "--port=8888", "--no-browser"]

# Never run on a GPU yet
FROM machine AS cuda
ENV GUIE_TENSORFLOW=cuda NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --chown=guie:guie . .
RUN npm run setup

FROM machine AS cpu
ENV GUIE_TENSORFLOW=cpu
COPY --chown=guie:guie . .
RUN npm run setup
