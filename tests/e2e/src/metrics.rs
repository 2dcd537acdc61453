//! Reading metrics in the text format of Prometheus.

use crate::{Error, Result};
use std::time::Duration;

/// Fetches `url` by HTTP and returns the status and the body.
pub async fn get(url: &str) -> Result<(u16, String)> {
    // A second installation fails, and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(2)).build()?;
    let response = client.get(url).send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}

/// The metrics at `url`.
pub async fn scrape(url: &str) -> Result<Metrics> {
    let (status, text) = get(url).await?;
    if status == 200 {
        Ok(Metrics(text))
    } else {
        Err(Error::unreadable(url, format!("status {status}: {text}")))
    }
}

/// One exposition.
#[derive(Clone, Debug)]
pub struct Metrics(pub String);

impl Metrics {
    /// The value of the series `name` whose labels contain each of `labels`, written as `key="value"`.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[&str]) -> Option<f64> {
        self.series(name, labels).next()
    }

    /// The sum of all such series; `None` if there is none.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[&str]) -> Option<f64> {
        self.series(name, labels).reduce(|sum, value| sum + value)
    }

    fn series<'a>(&'a self, name: &'a str, labels: &'a [&'a str]) -> impl Iterator<Item = f64> + 'a {
        self.0.lines().filter_map(move |line| {
            let rest = line.strip_prefix(name)?;
            let (key, value) = rest.rsplit_once(' ')?;
            let is_named = key.is_empty() || key.starts_with('{');
            let matches = labels.iter().all(|label| key.contains(label));
            (is_named && matches).then(|| value.parse().ok())?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_found_by_name_and_labels() {
        let text = "# TYPE a gauge\na 1\na_b{x=\"1\",y=\"2\"} 2.5\na_b{x=\"3\",y=\"2\"} 4\n";
        let metrics = Metrics(text.to_owned());
        assert_eq!(metrics.value("a", &[]), Some(1.0));
        assert_eq!(metrics.value("a_b", &["x=\"3\""]), Some(4.0));
        assert_eq!(metrics.sum("a_b", &["y=\"2\""]), Some(6.5));
        assert_eq!(metrics.value("a_b", &["x=\"9\""]), None);
    }
}
