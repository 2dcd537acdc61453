//! The configuration of flow-manager's predecessor as policies that do what it did.
//!
//! [`config`] reads it, [`policies`] maps it, field by field. What has no counterpart is named, and nothing is
//! guessed.

mod config;
mod policies;

pub use config::{Config, ConfigError};
pub use policies::{Imported, Unmappable, import};
