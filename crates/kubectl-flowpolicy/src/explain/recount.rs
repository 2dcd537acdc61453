use flow_page::Count;

/// Changes that are no further apart than this are one, in milliseconds: pods come and go one after the other.
const TOGETHER: i64 = 10_000;

/// That another number of a target's pods runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recount {
    /// Since when.
    pub(super) at: i64,
    /// How many.
    pub(super) pods: usize,
    /// How many it was before.
    pub(super) before: usize,
}

/// Each time that the number of pods has changed, oldest first.
pub(super) fn recounts(counts: &[Count]) -> Vec<Recount> {
    let changes: Vec<_> = counts
        .windows(2)
        .filter_map(|pair| match pair {
            [before, now] => Some(Recount { at: now.at, pods: now.pods, before: before.pods }),
            _ => None,
        })
        .collect();
    let together = changes.chunk_by(|one, next| next.at.saturating_sub(one.at) <= TOGETHER);
    let whole = together.filter_map(|row| Some(Recount { before: row.first()?.before, ..*row.last()? }));
    whole.filter(|change| change.pods != change.before).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_that_come_one_after_the_other_are_told_of_once() {
        let counts = [(0, 1), (60_000, 2), (61_000, 3), (62_000, 4), (90_000, 3), (95_000, 4), (120_000, 1)];
        let counts = counts.map(|(at, pods)| Count { at, pods });
        let expected =
            [Recount { at: 62_000, pods: 4, before: 1 }, Recount { at: 120_000, pods: 1, before: 4 }];
        assert_eq!(recounts(&counts), expected);
        assert_eq!(recounts(&counts[..1]), []);
    }
}
