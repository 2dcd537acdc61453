#!/usr/bin/env bash
# Tests the page in Chromium, and leaves pictures of it in target/page. Installs the browser where it is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

{ command -v chromium && command -v chromedriver; } > /dev/null ||
  { apt-get update -qq && apt-get install -qq --no-install-recommends chromium chromium-driver fonts-dejavu-core; }

cargo test --locked -p flow-browser
