//! The tests of faults, all in one program.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod api_server;
mod cut_off;
mod leadership;
mod missed;
mod policy;
mod prometheus;
mod shaper;
mod stale;
mod templates;
