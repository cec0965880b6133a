# syntax=docker/dockerfile:1
# `docker build .` needs nothing else. `make image` builds the last stage where no image can be pulled.
# Another architecture, without emulation: docker buildx build --platform linux/arm64 .
ARG RUST_IMAGE=docker.io/library/rust:1.95-bookworm
# glibc, libgcc and CA certificates, and no shell. A digest can be given too: NAME@sha256:…
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot
# By default that of the machine that builds; docker, podman and buildah set both.
ARG BUILDPLATFORM=linux/amd64

FROM --platform=${BUILDPLATFORM} ${RUST_IMAGE} AS toolchain
ARG TARGETARCH=amd64
WORKDIR /src
# Cargo reads these for the target that they name; the other one is not looked at.
ENV CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=x86_64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
# hadolint ignore=DL3008
RUN set -eu; \
    case "${TARGETARCH}" in \
        amd64) triple=x86_64-unknown-linux-gnu cross=x86-64 ;; \
        arm64) triple=aarch64-unknown-linux-gnu cross=aarch64 ;; \
        *) echo "TARGETARCH is ${TARGETARCH}: there are amd64 and arm64" >&2; exit 1 ;; \
    esac; \
    echo "${triple}" > /triple; \
    if [ "$(rustc --print host-tuple)" != "${triple}" ]; then \
        rustup target add "${triple}"; \
        apt-get update; \
        apt-get install -y --no-install-recommends "gcc-${cross}-linux-gnu" "libc6-dev-${TARGETARCH}-cross"; \
        rm -rf /var/lib/apt/lists/*; \
    fi
RUN cargo install --locked cargo-auditable@0.7.7 cargo-cyclonedx@0.5.9

# Dependencies alone: a layer that stays until Cargo.lock or a manifest changes. What the tests consist
# of are members of the workspace, so cargo wants to see them too.
FROM toolchain AS dependencies
COPY Cargo.toml Cargo.lock ./
COPY tests/harness/Cargo.toml tests/harness/
COPY tests/model/Cargo.toml tests/model/
RUN set -eu; \
    mkdir -p src tests/harness/src tests/model/src; \
    echo 'fn main() {}' > src/main.rs; \
    touch src/lib.rs tests/harness/src/lib.rs tests/model/src/lib.rs; \
    cargo auditable build --release --locked --target "$(cat /triple)" --bin identity-pool-operator; \
    rm -r src

FROM dependencies AS builder
COPY src src
# Newer than what was built of the empty ones, whatever the time in the checkout is.
RUN set -eu; \
    touch src/main.rs src/lib.rs; \
    cargo auditable build --release --locked --target "$(cat /triple)" --bin identity-pool-operator; \
    install -D "target/$(cat /triple)/release/identity-pool-operator" /out/identity-pool-operator

# docker build --target sbom --output . : what the binary consists of, as CycloneDX.
FROM dependencies AS bill
COPY src src
RUN set -eu; \
    cargo cyclonedx --format json --spec-version 1.5 --target "$(cat /triple)" --no-build-deps; \
    install -D -m 644 identity-pool-operator.cdx.json /out/identity-pool-operator.cdx.json
FROM scratch AS sbom
COPY --from=bill /out/identity-pool-operator.cdx.json /

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="identity-pool-operator" \
      org.opencontainers.image.description="A Kubernetes operator for Amazon Cognito identity pools" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=builder /out/identity-pool-operator /usr/local/bin/identity-pool-operator
# A number, so that runAsNonRoot can be checked without looking into the image.
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["/usr/local/bin/identity-pool-operator"]
CMD ["run"]
