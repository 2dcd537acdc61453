//! Whether a component serves.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use crate::command;
use crate::component::Ready;
use crate::place::Place;

/// How long a component may take to answer one question.
const PATIENCE: Duration = Duration::from_secs(2);

impl Ready {
    /// Asks once.
    pub(crate) fn holds(&self, place: &Place) -> bool {
        match self {
            Self::Http { address, path } => answers_ok(address, path).unwrap_or(false),
            Self::Tcp(address) => TcpStream::connect(address).is_ok(),
            Self::Unix(path) => UnixStream::connect(path).is_ok(),
            Self::ApiServer => kubectl(place, &["get", "--raw=/readyz"]).is_ok(),
        }
    }
}

/// Runs kubectl as the administrator.
pub(crate) fn kubectl(place: &Place, arguments: &[&str]) -> Result<String, command::CommandError> {
    let kubeconfig = format!("--kubeconfig={}", place.inside_kubeconfig().display());
    command::run(Command::new(place.program("kubectl")).arg(kubeconfig).args(arguments))
}

fn answers_ok(address: &str, path: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut start = [0; 12];
    stream.read_exact(&mut start)?;
    Ok(start.starts_with(b"HTTP/1") && start.ends_with(b" 200"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn server(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let (mut stream, mut request) = (listener.accept().unwrap().0, [0; 1024]);
            // What is left unread at the end would reset the connection.
            assert!(stream.read(&mut request).unwrap() > 0);
            stream.write_all(answer)
        });
        address
    }

    #[test]
    fn only_the_status_200_is_ready() {
        assert!(answers_ok(&server(b"HTTP/1.0 200 OK\r\n\r\nok"), "/").unwrap());
        assert!(!answers_ok(&server(b"HTTP/1.0 503 No\r\n\r\n"), "/").unwrap());
        assert!(answers_ok(&server(b"HTTP"), "/").is_err());
    }
}
