//! A client against servers on the loopback interface that answer in every way they should not.

mod answers;
mod connections;
mod folder;
mod polling;
mod server;
mod tls;

pub(super) use folder::Folder;
