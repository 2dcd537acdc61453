# The container image. docs/building.md says more.

IMAGE := fustli/flow-manager:latest
PLATFORMS := linux/amd64
# nerdctl, or another program with the same `build`.
BUILDER := nerdctl

ROOTFS := docker/flow-manager/rootfs
ARM_TARGET := aarch64-unknown-linux-musl
comma := ,

# What the image says of itself, and when it was made: the commit's time.
VERSION = $(shell sed -n '/^\[workspace.package\]/,/^$$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
REVISION = $(shell git describe --always --abbrev=40 --exclude '*' --dirty 2>/dev/null || echo unknown)
SOURCE_DATE_EPOCH = $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

.PHONY: image
image: image-context ## Build the container image (IMAGE=, PLATFORMS=linux/amd64,linux/arm64, BUILDER=)
	SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) $(BUILDER) build --platform=$(PLATFORMS) --tag $(IMAGE) \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) \
	  --file docker/flow-manager/Dockerfile docker/flow-manager

.PHONY: image-context
image-context: $(patsubst linux/%,rootfs-%,$(subst $(comma), ,$(PLATFORMS))) ## Make the files of the image

# Each package by itself: together they would get each other's features, and the binary would differ.
.PHONY: binary-amd64
binary-amd64:
	$(CARGO_STATIC) build $(STATIC_FLAGS) -p flow-manager

# ring holds C and assembly; the rest needs no C compiler, not even to link.
.PHONY: binary-arm64
binary-arm64: export CC_aarch64_unknown_linux_musl := aarch64-linux-gnu-gcc
binary-arm64: export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER := rust-lld
binary-arm64:
	$(CARGO_STATIC) build --locked --release --target $(ARM_TARGET) -p flow-manager

.PHONY: rootfs-amd64
rootfs-amd64: binary-amd64
	$(call stage,amd64,$(TARGET))

.PHONY: rootfs-arm64
rootfs-arm64: binary-arm64
	$(call stage,arm64,$(ARM_TARGET))

# stage ARCHITECTURE,TARGET: modes and times do not depend on who builds when. The times are the same for all
# commits, since a builder takes a layer with other times, but the same content, from its cache.
define stage
	rm -rf $(ROOTFS)/linux/$(1)
	install -D -m 755 target/$(2)/release/flow-manager $(ROOTFS)/linux/$(1)/flow-manager
	install -D -m 644 -t $(ROOTFS)/linux/$(1)/etc docker/flow-manager/passwd docker/flow-manager/group
	$(CARGO_STATIC) run --quiet $(STATIC_FLAGS) -p flow-certificates \
	  | install -D -m 644 /dev/stdin $(ROOTFS)/linux/$(1)/etc/ssl/certs/ca-certificates.crt
	find $(ROOTFS)/linux/$(1) -exec touch --date=@0 {} +
endef
