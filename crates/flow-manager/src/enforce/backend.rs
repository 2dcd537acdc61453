/// Who makes the limit that is written to a pod take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Our shapers, which report what is in force.
    Shaper,
    /// Cilium's bandwidth manager, which follows running pods and tells nobody.
    Cilium,
    /// Calico, likewise.
    Calico,
    /// Kube-OVN, likewise.
    KubeOvn,
    /// A network plugin that reads a limit once, when a pod is created.
    AtCreation,
}

impl Backend {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Shaper, Self::Cilium, Self::Calico, Self::KubeOvn, Self::AtCreation];

    /// As users write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shaper => "shaper",
            Self::Cilium => "cilium",
            Self::Calico => "calico",
            Self::KubeOvn => "kube-ovn",
            Self::AtCreation => "at-creation",
        }
    }

    /// Whether a limit that is written to a running pod can take effect.
    #[must_use]
    pub const fn limits_running_pods(self) -> bool {
        !matches!(self, Self::AtCreation)
    }
}
