//! The flow-manager operator: it observes critical flows, decides, and limits best-effort pods.
//!
//! One policy's way through it: [`controller`] checks it and resolves its targets in the [`cluster`];
//! its [`regulator`] then asks [`observe`] what is known, lets `flow_control::step` decide, hands the limits
//! to [`enforce`], and tells [`report`] what happened.

pub mod api_server;
pub mod build_info;
pub mod clock;
pub mod cluster;
pub mod commands;
pub mod controller;
pub mod enforce;
pub mod history;
pub mod import;
pub mod leadership;
pub mod observe;
pub mod operator;
pub mod page;
pub mod prometheus;
pub mod regulator;
pub mod report;
pub mod restore;
pub mod rollout;
mod scrape;
pub mod serve;
