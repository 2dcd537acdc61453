//! What a pod's annotation asks for.

use flow_control::{Bandwidth, QuantityError};

/// The annotation that holds a pod's egress limit: a Kubernetes quantity in bits per second.
pub const EGRESS_BANDWIDTH: &str = "kubernetes.io/egress-bandwidth";

/// The lowest limit that is obeyed, as the kubelet has it (`k8s.io/kubernetes/pkg/util/bandwidth`).
const LOWEST: Bandwidth = Bandwidth::from_bps(1_000);
/// The highest limit that is obeyed, from the same place.
const HIGHEST: Bandwidth = Bandwidth::from_bps(1_000_000_000_000_000);

/// Why an annotation is not obeyed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnnotationError {
    /// Not a quantity.
    #[error("annotation {EGRESS_BANDWIDTH}: {0}")]
    Quantity(#[from] QuantityError),
    /// A quantity that no network has.
    #[error("annotation {EGRESS_BANDWIDTH}: found {found}; allowed is {LOWEST} to {HIGHEST} bit/s")]
    OutOfRange {
        /// The limit asked for.
        found: Bandwidth,
    },
}

/// Reads the annotation's text as a limit.
pub(crate) fn limit(text: &str) -> Result<Bandwidth, AnnotationError> {
    let found = Bandwidth::parse_quantity(text)?;
    if (LOWEST..=HIGHEST).contains(&found) { Ok(found) } else { Err(AnnotationError::OutOfRange { found }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_quantity_is_a_limit() {
        for (text, bps) in [("64M", 64_000_000), ("1k", 1_000), ("1P", 1_000_000_000_000_000)] {
            assert_eq!(limit(text), Ok(Bandwidth::from_bps(bps)));
        }
    }

    #[test]
    fn garbage_and_extremes_are_refused_with_the_annotation_named() {
        for text in ["", "0", "999", "1E", "64Mbit", "-1M", "unlimited", "NaN"] {
            let message = limit(text).unwrap_err().to_string();
            assert!(message.starts_with("annotation kubernetes.io/egress-bandwidth: found "), "{message}");
        }
        assert_eq!(
            limit("999").unwrap_err().to_string(),
            "annotation kubernetes.io/egress-bandwidth: found 999; allowed is 1k to 1P bit/s"
        );
    }
}
