use flow_policy::names::FIELD_MANAGER;

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

    /// The field manager of what it follows. One that applies no longer what it has applied before takes that away, so
    /// each set of annotations has its own: what another back-end has given back must stay.
    #[must_use]
    pub const fn field_manager(self) -> &'static str {
        match self {
            Self::Shaper | Self::Cilium | Self::AtCreation => FIELD_MANAGER,
            Self::Calico => "flow-manager-calico",
            Self::KubeOvn => "flow-manager-kube-ovn",
        }
    }
}
