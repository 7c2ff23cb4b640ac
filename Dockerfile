# MedLMs on a processor. Build:  docker build -t medlms .
# Run (results land in ./runs):  docker run --rm -it --user "$(id -u):$(id -g)" -v "$PWD/runs:/data/runs" medlms demo
# With CUDA builds of torch:     docker build --build-arg TORCH_INDEX= -t medlms:gpu .   then  docker run --gpus all ...
FROM python:3.11-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1

WORKDIR /src
COPY constraints.txt ./
RUN if [ -n "$TORCH_INDEX" ]; then \
        pip install "$(grep '^torch==' constraints.txt)" --index-url "$TORCH_INDEX"; \
    fi
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN pip install --constraint constraints.txt '.[all]'

# Any user may run it: caches and runs lie where that user can write.
ENV HOME=/data MEDLMS_HOME=/data/.medlms
WORKDIR /data
COPY configs ./configs
RUN chmod 0777 /data && useradd --create-home --uid 10001 medlms
USER medlms

ENTRYPOINT ["medlms"]
CMD ["--help"]
