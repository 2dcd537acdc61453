//! A client against servers on the loopback interface that answer in every way they should not.

mod answers;
mod connections;
mod polling;
mod server;
mod token_file;

pub(super) use token_file::TokenFile;
