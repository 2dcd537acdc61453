//! `kubectl flowpolicy`: see, explain and try `FlowPolicies`.
//!
//! One folder or file for each subcommand; [`cli`] tells them apart. What talks to a cluster does so through a
//! [`connection`]; what is shown is made by pure functions of what was read.

#[cfg(test)]
mod api_server;
pub mod backtest;
pub mod bundle;
pub mod chart;
pub mod check;
pub mod cli;
pub mod completion;
pub mod connection;
pub mod dashboard;
pub mod error;
mod examples;
pub mod explain;
pub mod get;
pub mod import;
pub mod installation;
pub mod lint;
pub mod man;
pub mod manifest;
pub mod output;
pub mod overrides;
pub mod page;
pub mod policies;
pub mod reasons;
pub mod restore;
pub mod simulate;
pub mod status;
pub mod terminal;
mod workload;
