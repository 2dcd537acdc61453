/// Who makes the limit that is written to a running pod take effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Our shapers, which report what is in force.
    Shaper {
        /// Where they run: only there can nobody but the administrator start one.
        namespace: String,
    },
    /// The network plugin, which tells nobody.
    NetworkPlugin,
}
