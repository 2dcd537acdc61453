use crate::{Error, Result};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// Where the browser is, for the tests of local time.
const ZONE: &str = "Europe/Berlin";

/// A chromedriver with its browsers. All of them end with this.
pub(crate) struct Chromedriver {
    process: Child,
    port: u16,
    /// It would be told that nobody listens.
    _output: BufReader<ChildStdout>,
}

impl Chromedriver {
    /// Starts one on a free port, which writes into `home` only. It has process numbers of its own, so that no browser
    /// outlives it, and does not outlive whoever started it.
    pub(crate) fn start(home: &Path) -> Result<Self> {
        let mut process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["chromedriver", "--port=0"])
            .env("HOME", home)
            .env("TZ", ZONE)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::Start)?;
        let output = process.stdout.take().map(BufReader::new);
        // From here on, it ends where this fails.
        let output = output.ok_or_else(|| Error::NoPort { said: String::new() });
        let mut output = output.inspect_err(|_| end(&mut process))?;
        let port = port(&mut output).inspect_err(|_| end(&mut process))?;
        Ok(Self { process, port, _output: output })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// It may have ended by itself.
fn end(process: &mut Child) {
    let _ = process.kill();
    let _ = process.wait();
}

fn port(output: &mut impl BufRead) -> Result<u16> {
    let mut said = String::new();
    while output.read_line(&mut said).map_err(Error::Start)? > 0 {
        let last = said.lines().last().unwrap_or_default();
        let port =
            last.split_once("started successfully on port ").map(|(_, port)| port.trim_end_matches('.'));
        if let Some(port) = port.and_then(|port| port.parse().ok()) {
            return Ok(port);
        }
    }
    Err(Error::NoPort { said })
}
