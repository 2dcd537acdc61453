use crate::Bandwidth;

/// What one policy asks for one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<Policy> {
    /// Who asks.
    pub policy: Policy,
    /// The egress limit asked for.
    pub limit: Bandwidth,
}

/// The claim that holds for a pod which several policies limit: the lowest limit, and among equals the
/// policy that sorts first, so that the outcome never depends on the order of the claims.
pub fn arbitrate<Policy: Ord>(claims: impl IntoIterator<Item = Claim<Policy>>) -> Option<Claim<Policy>> {
    claims.into_iter().min_by(|a, b| (a.limit, &a.policy).cmp(&(b.limit, &b.policy)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(policy: &str, mbps: u64) -> Claim<&str> {
        Claim { policy, limit: Bandwidth::from_mbps(mbps) }
    }

    #[test]
    fn the_lowest_limit_holds() {
        assert_eq!(arbitrate([claim("a", 30), claim("b", 20), claim("c", 25)]), Some(claim("b", 20)));
    }

    #[test]
    fn among_equals_the_policy_that_sorts_first_holds_whatever_the_order_of_claims() {
        let (a, b) = (claim("a", 20), claim("b", 20));
        assert_eq!(arbitrate([a, b]), Some(a));
        assert_eq!(arbitrate([b, a]), Some(a));
    }

    #[test]
    fn without_a_claim_there_is_no_limit() {
        assert_eq!(arbitrate::<&str>([]), None);
    }
}
