# The notebooks, ready to use:
#   docker build -t safex .
#   docker run --rm -p 127.0.0.1:8888:8888 safex
# and open the link that it prints.
FROM golang:1-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
ENV GOTOOLCHAIN=go1.27.3 GOEXPERIMENT=simd
WORKDIR /safex
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -o /usr/local/bin/safex ./safex/cmd/safex && safex lab --prepare
EXPOSE 8888
# Inside the container it must listen on all addresses; -p 127.0.0.1:… keeps it on your machine.
CMD ["safex", "lab", "--no-browser", "--ip", "0.0.0.0", "--port", "8888"]
