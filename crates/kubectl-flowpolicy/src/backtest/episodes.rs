/// Steps in a row for which something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Episode {
    /// The first of them.
    pub(super) from: usize,
    /// How many.
    pub(super) steps: usize,
}

/// Where `holds` is true.
pub(super) fn episodes(holds: impl IntoIterator<Item = bool>) -> Vec<Episode> {
    let mut episodes: Vec<Episode> = Vec::new();
    for (step, holds) in holds.into_iter().enumerate() {
        match episodes.last_mut() {
            Some(last) if holds && last.from + last.steps == step => last.steps += 1,
            _ if holds => episodes.push(Episode { from: step, steps: 1 }),
            _ => {}
        }
    }
    episodes
}

/// How many steps that are together.
pub(super) fn total(episodes: &[Episode]) -> usize {
    episodes.iter().map(|episode| episode.steps).sum()
}

/// The longest one, in steps.
pub(super) fn longest(episodes: &[Episode]) -> usize {
    episodes.iter().map(|episode| episode.steps).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_in_a_row_are_one_episode() {
        let found = episodes([true, false, true, true, false]);
        assert_eq!(found, [Episode { from: 0, steps: 1 }, Episode { from: 2, steps: 2 }]);
        assert_eq!((total(&found), longest(&found)), (3, 2));
        assert_eq!(longest(&[]), 0);
    }
}
