use crate::{Adaptive, Aimd};

/// How limits follow the objectives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Converges to the limit that the link bears, by the queue on the way and by what is really sent.
    Adaptive(Adaptive),
    /// The predecessor's.
    Aimd(Aimd),
}

impl Law {
    /// Hundredths of its bound below which an indicator has headroom.
    #[must_use]
    pub const fn headroom_percent(self) -> u32 {
        match self {
            Self::Adaptive(_) => Adaptive::ROOMY_PERCENT,
            Self::Aimd(law) => law.headroom_percent,
        }
    }
}
