//! A client against servers on the loopback interface that answer in every way they should not.

mod answers;
mod bad_answers;
mod batches;
mod connections;
mod folder;
mod operator;
mod polling;
mod secrets;
mod server;
mod several;
mod tenants;
mod tls;

pub(super) use folder::Folder;
