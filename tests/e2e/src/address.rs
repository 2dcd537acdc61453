pub(crate) const NODE: &str = "198.18.0.1";
pub(crate) const FACTORY: &str = "198.18.2.2";
pub(crate) const PROMETHEUS_PORT: u16 = 9090;
