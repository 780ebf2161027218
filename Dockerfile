# The notebooks, ready to use. In the folder of this file:
#   docker build -t safex .
#   docker run --rm -p 127.0.0.1:8888-8889:8888-8889 --user "$(id -u):$(id -g)" -v "$PWD/notebooks:/safex/notebooks" safex
# and open the link that it prints. Copies of the notebooks and runs are kept in the folder notebooks; without -v they end with the
# container. BASE is Debian 13, for amd64 and arm64.
ARG BASE=debian:trixie-20260918-slim@sha256:a99cfc517144bc59b1978475ec53b46ecabec7e43635402ee5b77cc54cd1b20a

FROM ${BASE} AS system
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/*
ENV PATH=/usr/local/go/bin:$PATH GOTOOLCHAIN=local GOEXPERIMENT=simd CGO_ENABLED=0 GOMODCACHE=/go/mod GOCACHE=/go/cache HOME=/home/safex
WORKDIR /safex

FROM system AS made
RUN apt-get update \
 && apt-get install -y --no-install-recommends golang-go python3-venv \
 && rm -rf /var/lib/apt/lists/*
# Debian's Go fetches the Go that safex is tested with, by its checksum. Tests and pages of Go are left behind.
RUN go=$(GOEXPERIMENT= GOTOOLCHAIN=go1.27.3 /usr/bin/go env GOROOT) \
 && cp -r "$go" /usr/local/go \
 && chmod -R u+w /usr/local/go "$GOMODCACHE" \
 && cd /usr/local/go && rm -rf api doc misc test "$GOMODCACHE" \
 && find src -name '*_test.go' -delete && find src -name testdata -prune -exec rm -r {} +
# JupyterLab, again only when its versions change.
COPY safex/internal/jupyter/requirements.txt .safex/
RUN python3 -m venv /opt/jupyter && ln -s /opt/jupyter .safex/venv \
 && .safex/venv/bin/pip install --quiet --no-cache-dir -r .safex/requirements.txt \
 && echo "$(cat .safex/requirements.txt) in $PWD" >.safex/done-JupyterLab
# The kernel and all modules, again only when go.mod changes. Their tests, pictures and pages are left behind.
COPY go.mod go.sum ./
RUN go mod download \
 && go build -o .safex/bin/ github.com/janpfeifer/gonb golang.org/x/tools/cmd/goimports \
 && find /go/mod/cache/download -name '*.zip' -delete \
 && chmod -R u+w /go/mod && find /go/mod -name testdata -prune -exec rm -r {} + \
 && find /go/mod -regextype egrep -regex '.*(_test\.go|\.(gif|apng|png|jpe?g|mp4|pdf|html|gz))' -delete
# safex, and a build of all that a cell can import. Every user may write what a cell writes.
COPY safex safex
RUN go build -buildvcs=false -ldflags='-s -w' -o /usr/local/bin/safex ./safex/cmd/safex \
 && safex lab --prepare \
 && chmod -R a+rwX /go/cache .safex

FROM system
COPY --from=made /opt/jupyter /opt/jupyter
COPY --from=made /usr/local/go /usr/local/go
COPY --from=made /go/mod /go/mod
COPY --from=made /go/cache /go/cache
COPY --from=made /usr/local/bin/safex /usr/local/bin/
COPY --from=made /safex /safex
COPY LICENSE ./
COPY notebooks notebooks
RUN useradd --uid 1000 --create-home safex && chmod 777 /home/safex /safex/notebooks
USER safex
WORKDIR /safex/notebooks
EXPOSE 8888 8889
# Inside the container it must listen on all addresses; -p 127.0.0.1:… keeps it on your machine. The second port is of pages in cells.
ENV SAFEX_LIVE=0.0.0.0:8889
CMD ["safex", "lab", "--no-browser", "--ip", "0.0.0.0", "--port", "8888"]
