//! A real Kubernetes cluster and a congested link on one machine, for tests and demos.
//!
//! A lab is one set of namespaces (mounts, processes, network), so that labs do not collide and a killed one
//! leaves nothing behind. Four processes make it:
//!
//! 1. `lab up` builds the cluster's programs, starts the supervisor, and waits until the cluster serves.
//! 2. The [`supervisor`] stands outside. It holds the lab's lock for its whole life, and lets the user's shell in.
//! 3. The [`init`] is process 1 inside. With it everything in the lab ends.
//! 4. The [`node`] starts the components of the cluster, one after the other, and restarts them for tests.

pub mod address;
mod away;
mod build;
mod cgroup;
mod command;
mod component;
mod config;
mod containers;
mod enter;
mod forward;
mod hex;
mod host;
mod image;
pub mod init;
mod lab;
mod lock;
mod logfile;
mod mounts;
mod network;
pub mod node;
mod pki;
mod place;
mod prepare;
mod ready;
mod status;
pub mod supervisor;
mod tool;

pub use away::Away;
pub use build::{BuildError, Building};
pub use command::CommandError;
pub use component::Component;
pub use enter::Inside;
pub use image::{Image, ImageError, ImageFile};
pub use lab::{Lab, LabError, News};
pub use network::{UPLINK_DEVICE, UPLINK_SHAPE};
pub use node::Control;
pub use place::{InvalidName, Name};
pub use tool::{Need, TOOLS, Tool, built, cache};
