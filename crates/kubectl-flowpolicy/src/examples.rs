//! What `--help` shows of each command in use.

pub(crate) const GET: &str = "\
Examples:
  kubectl flowpolicy get -A                           # all policies, the worst first
  kubectl flowpolicy get robot-control -n factory -w  # one, anew as it changes";

pub(crate) const EXPLAIN: &str = "\
Examples:
  kubectl flowpolicy explain fp/robot-control -n factory
  kubectl flowpolicy explain deployment/telemetry-upload -n factory   # who limits it, and why";

pub(crate) const DASHBOARD: &str = "\
Examples:
  kubectl flowpolicy dashboard";

pub(crate) const STATUS: &str = "\
Examples:
  kubectl flowpolicy status robot-control -n factory --timeout 2m  # for a pipeline";

pub(crate) const PAUSE: &str = "\
Examples:
  kubectl flowpolicy pause robot-control -n factory --for 2h --reason ticket-42";

pub(crate) const RESUME: &str = "\
Examples:
  kubectl flowpolicy resume robot-control -n factory";

pub(crate) const PIN: &str = "\
Examples:
  kubectl flowpolicy pin robot-control 80M -n factory";

pub(crate) const UNPIN: &str = "\
Examples:
  kubectl flowpolicy unpin robot-control -n factory";

pub(crate) const RESTORE: &str = "\
Examples:
  kubectl flowpolicy restore -n factory   # pods get back what they had before
  kubectl flowpolicy restore --all        # in all namespaces";

pub(crate) const CHECK: &str = "\
Examples:
  kubectl flowpolicy check --pre   # before the installation
  kubectl flowpolicy check --wait";

pub(crate) const BUNDLE: &str = "\
Examples:
  kubectl flowpolicy bundle";

pub(crate) const LINT: &str = "\
Examples:
  kubectl flowpolicy lint -f policy.yaml
  kubectl flowpolicy lint -f policies.yaml --strict";

pub(crate) const SIMULATE: &str = "\
Examples:
  kubectl flowpolicy simulate -f policy.yaml
  kubectl flowpolicy simulate -f policy.yaml --scenario link.yaml --svg plot.svg";

pub(crate) const BACKTEST: &str = "\
Examples:
  kubectl flowpolicy backtest -f policy.yaml --since 7d
  kubectl flowpolicy backtest -f policy.yaml --since 10m --step 1s --html report.html";

pub(crate) const IMPORT: &str = "\
Examples:
  kubectl flowpolicy import critical-apps.yaml > policies.yaml";
