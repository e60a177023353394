# Countersign. `make` alone prints what can be made; each target's line says what it does.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO       ?= go
LISTEN   ?= 127.0.0.1:8080
DATA     ?= .dev
FUZZTIME ?= 20s
BENCH    ?=
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
export GO FUZZTIME

.PHONY: help run build image test check bench fuzz pages clean

help:
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

run: build ## build and start development mode; LISTEN=127.0.0.1:9090 and DATA=dir choose where
	@exec bin/countersign serve --dev --listen '$(LISTEN)' --data '$(DATA)'

build: ## one static, stripped binary: bin/countersign
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X github.com/countersign/countersign/internal/app.version=$(VERSION)' -o bin/countersign ./cmd/countersign

image: build ## lay out bin/image, the folder that packaging/Containerfile puts on an empty image
	@scripts/image

test: ## set up what is missing (PostgreSQL, Chromium), then check and run every test
	@scripts/setup
	@scripts/test

check: ## format, vet, staticcheck, structure, documents, modules; needs only Go
	@scripts/check

bench: build ## measure against an empty server; BENCH='-db postgres' and so on are passed on (see bench/README.md)
	@$(GO) -C bench run . -bin ../bin/countersign $(BENCH)

fuzz: ## run every fuzz target for FUZZTIME (20s)
	@scripts/fuzz

pages: build ## pictures of the pages in bin/pages: narrow and wide, light and dark
	@scripts/pages

clean: ## remove what was built and the data of development mode
	@rm -rf bin bench/out .dev
