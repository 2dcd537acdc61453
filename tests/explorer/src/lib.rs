//! Finds specs that nobody thought of: every field of the `FlowPolicy` schema is set to what it allows and to what it
//! forbids, on a real API server with the operator running, and after each change what the policy says is compared
//! with what is so. The idea is that of Acto (SOSP 2023).
//!
//! [`schema`], [`values`], [`change`] and [`deck`] make the changes, by a seed alone; [`expect`] and [`oracle`] say
//! what has to come of them; [`chain`] carries them out.

pub mod base;
pub mod chain;
pub mod change;
pub mod deck;
pub mod expect;
pub mod merge;
pub mod oracle;
pub mod place;
pub mod process;
pub mod report;
pub mod run;
pub mod schema;
pub mod text;
pub mod values;
pub mod world;
