use std::collections::HashSet;
use std::sync::Arc;

/// Texts that many objects have in common, such as the names of nodes, each kept once.
#[derive(Debug, Default)]
pub(super) struct Interned(HashSet<Arc<String>>);

impl Interned {
    /// Puts the one copy of `text` in its place.
    pub(super) fn share(&mut self, text: &mut Arc<String>) {
        if let Some(known) = self.0.get(text) {
            text.clone_from(known);
            return;
        }
        // Only when there is no room: there may be many.
        if self.0.len() == self.0.capacity() {
            self.0.retain(|known| Arc::strong_count(known) > 1);
        }
        self.0.insert(Arc::clone(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_is_kept_once_and_not_longer_than_needed() {
        let mut interned = Interned::default();
        let mut texts = ["a", "b", "a"].map(|text| Arc::new(text.to_owned()));
        for text in &mut texts {
            interned.share(text);
        }
        assert!(Arc::ptr_eq(&texts[0], &texts[2]) && !Arc::ptr_eq(&texts[0], &texts[1]));
        for number in 0..1_000 {
            interned.share(&mut Arc::new(number.to_string()));
        }
        assert!(interned.0.len() < 10, "{}", interned.0.len());
        assert!(interned.0.contains(&texts[0]));
    }
}
