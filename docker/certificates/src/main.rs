//! Prints the certificate authorities that the image trusts: those that Mozilla trusts, as `Cargo.lock` pins them.
//!
//! The machine's own would differ from machine to machine, and may hold some that only this machine should trust.

use std::io::{self, Write};

use pem::{EncodeConfig, LineEnding, Pem};
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

fn main() -> io::Result<()> {
    let certificates: Vec<Pem> = TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|certificate| Pem::new("CERTIFICATE", certificate.to_vec()))
        .collect();
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    io::stdout().write_all(pem::encode_many_config(&certificates, config).as_bytes())
}
