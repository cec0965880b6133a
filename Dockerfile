# syntax=docker/dockerfile:1
ARG RUST_IMAGE=docker.io/library/rust:1.95-bookworm
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${RUST_IMAGE} AS builder
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin identity-pool-operator \
    && install -D target/release/identity-pool-operator /out/identity-pool-operator

# glibc and CA certificates come with the base; nothing else is needed.
FROM ${BASE_IMAGE}
COPY --from=builder /out/identity-pool-operator /usr/local/bin/identity-pool-operator
# A number, so that runAsNonRoot can be checked without looking into the image.
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["/usr/local/bin/identity-pool-operator"]
CMD ["run"]
