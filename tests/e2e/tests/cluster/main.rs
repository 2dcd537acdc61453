//! The end-to-end tests, all in one program: to link one for each file would take minutes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod adaptive;
mod admission;
mod alerts;
mod arbitration;
mod backends;
mod bad_answers;
mod chart_admission;
mod chart_lifecycle;
mod chart_options;
mod chart_permissions;
mod chart_values;
mod closed_loop;
mod consent;
mod credentials;
mod dashboard;
mod docs;
mod effect;
mod examples;
mod first_moments;
mod forbidden_addresses;
mod gitops;
mod histograms;
mod image;
mod leadership;
mod manifests;
mod metrics_guard;
mod no_data;
mod outage;
mod overrides;
mod page;
mod permissions;
mod plugin;
mod restart;
mod restore;
mod rollout;
mod shaper;
mod sources;
mod status;
mod targets;
mod tenants;
mod transcripts;
