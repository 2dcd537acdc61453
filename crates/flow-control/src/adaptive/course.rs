use crate::Bandwidth;

/// What the law remembers from one decision to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Course {
    safe: Vec<Option<Bandwidth>>,
}

impl Course {
    /// A course of so many targets, of which these limits are known to be good.
    pub(crate) fn remembering(targets: usize, safe: &[Option<Bandwidth>]) -> Self {
        Self { safe: (0..targets).map(|target| safe.get(target).copied().flatten()).collect() }
    }

    pub(crate) fn safe_limits(&self) -> impl Iterator<Item = Option<Bandwidth>> {
        self.safe.iter().copied()
    }
}
