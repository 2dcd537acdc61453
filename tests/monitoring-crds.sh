#!/usr/bin/env bash
# Prints the folder with the CustomResourceDefinitions of the Prometheus Operator, and fetches it the first time.
set -euo pipefail

module=github.com/prometheus-operator/prometheus-operator@v0.85.0
go mod download -json "$module" | sed -nE 's|.*"Dir": "(.*)".*|\1/example/prometheus-operator-crd|p'
