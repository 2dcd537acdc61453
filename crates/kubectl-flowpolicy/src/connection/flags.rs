use flow_policy::{DurationText, InvalidDuration};
use std::path::PathBuf;
use std::time::Duration;

/// Which cluster is meant, as kubectl's flags of the same names say.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub struct Flags {
    /// The namespace; that of the context if left out
    #[arg(short, long, global = true, value_name = "NAMESPACE")]
    pub namespace: Option<String>,

    /// The context of the kubeconfig to use
    #[arg(long, global = true, value_name = "CONTEXT")]
    pub context: Option<String>,

    /// The kubeconfig; that of $KUBECONFIG or ~/.kube/config if left out
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// How long to wait for one answer of the API server; 0 for as long as it takes
    #[arg(long, global = true, value_name = "DURATION", default_value = "10s", value_parser = timeout)]
    pub request_timeout: Duration,
}

fn timeout(text: &str) -> Result<Duration, InvalidDuration> {
    if text == "0" { Ok(Duration::ZERO) } else { duration(text) }
}

/// A duration of the command line, such as `90s` or `2h`.
pub fn duration(text: &str) -> Result<Duration, InvalidDuration> {
    DurationText::from(text).parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_may_take_forever_and_nothing_else_is_a_number_without_unit() {
        assert_eq!(timeout("0"), Ok(Duration::ZERO));
        assert_eq!(timeout("1m30s"), Ok(Duration::from_secs(90)));
        assert!(timeout("5").is_err());
    }
}
