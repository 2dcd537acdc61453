//! Which change comes next: all of them in an order by chance, and then all of them again in another one.

use crate::change::{Change, around_the_spec};
use crate::schema::{Field, fields};
use crate::values::variants;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

/// Changes without an end, the same for the same seed.
pub struct Deck {
    fields: Vec<Field>,
    dice: StdRng,
    left: Vec<Change>,
}

impl Deck {
    /// The deck of that seed.
    pub fn new(seed: u64) -> Result<Self, serde_saphyr::Error> {
        Ok(Self { fields: fields()?, dice: StdRng::seed_from_u64(seed), left: Vec::new() })
    }

    fn shuffled(&mut self) -> Vec<Change> {
        let seed = self.dice.random();
        let of_field = |field: &Field| {
            let path = field.path.clone();
            let variants = variants(field, seed).into_iter();
            variants.map(move |variant| Change::Field {
                path: path.clone(),
                edit: variant.edit,
                is_illegal: variant.is_illegal,
            })
        };
        let mut all: Vec<_> = self.fields.iter().flat_map(of_field).chain(around_the_spec()).collect();
        all.shuffle(&mut self.dice);
        all
    }
}

impl Iterator for Deck {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        if self.left.is_empty() {
            self.left = self.shuffled();
        }
        self.left.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const FULL_RUN: usize = 2_000;

    fn deal(seed: u64) -> Vec<Change> {
        Deck::new(seed).unwrap().take(FULL_RUN).collect()
    }

    #[test]
    fn the_same_seed_deals_the_same_and_another_one_something_else() {
        assert_eq!(deal(1), deal(1));
        assert_ne!(deal(1), deal(2));
    }

    #[test]
    fn a_full_run_changes_each_field_of_the_schema() {
        let changed: BTreeSet<_> = deal(1)
            .iter()
            .filter_map(|change| match change {
                Change::Field { path, .. } => Some(path.to_string()),
                _ => None,
            })
            .collect();
        let all: BTreeSet<_> = fields().unwrap().iter().map(|field| field.path.to_string()).collect();
        assert_eq!(changed, all);
    }

    #[test]
    fn a_full_run_tries_each_change_around_the_spec_and_both_legal_and_illegal_ones() {
        let dealt = deal(1);
        for change in around_the_spec() {
            assert!(dealt.contains(&change), "{change}");
        }
        let illegal = dealt.iter().filter(|change| change.is_illegal()).count();
        assert!((FULL_RUN / 4..FULL_RUN * 3 / 4).contains(&illegal), "{illegal}");
    }
}
