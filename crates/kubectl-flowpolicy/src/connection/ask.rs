use super::Within;
use kube::Resource;
use std::fmt;

/// What is asked of the API server: for messages, and for the command that tells whether it is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    verb: &'static str,
    kind: String,
    /// As kubectl names it, such as `flowpolicies.flow.fustli.io`.
    resource: String,
    within: Within,
    name: Option<String>,
}

impl Ask {
    fn of<K: Resource<DynamicType = ()>>(verb: &'static str, within: Within, name: Option<&str>) -> Self {
        let (plural, group) = (K::plural(&()), K::group(&()));
        let resource = if group.is_empty() { plural.to_string() } else { format!("{plural}.{group}") };
        Self { verb, kind: K::kind(&()).to_string(), resource, within, name: name.map(str::to_owned) }
    }

    /// All objects of a kind.
    #[must_use]
    pub fn list<K: Resource<DynamicType = ()>>(within: &Within) -> Self {
        Self::of::<K>("list", within.clone(), None)
    }

    /// All objects of a kind, as they change.
    #[must_use]
    pub fn watch<K: Resource<DynamicType = ()>>(within: &Within) -> Self {
        Self::of::<K>("watch", within.clone(), None)
    }

    /// One object.
    #[must_use]
    pub fn get<K: Resource<DynamicType = ()>>(namespace: &str, name: &str) -> Self {
        Self::of::<K>("get", Within::Namespace(namespace.to_owned()), Some(name))
    }

    /// A change of one object.
    #[must_use]
    pub fn patch<K: Resource<DynamicType = ()>>(namespace: &str, name: &str) -> Self {
        Self::of::<K>("patch", Within::Namespace(namespace.to_owned()), Some(name))
    }

    /// A change of many objects.
    #[must_use]
    pub fn patch_all<K: Resource<DynamicType = ()>>() -> Self {
        Self::of::<K>("patch", Within::Everywhere, None)
    }

    /// An object without a namespace.
    #[must_use]
    pub fn get_of_cluster<K: Resource<DynamicType = ()>>(name: &str) -> Self {
        Self::of::<K>("get", Within::Everywhere, Some(name))
    }

    /// A question that is asked by making an object.
    #[must_use]
    pub fn create<K: Resource<DynamicType = ()>>() -> Self {
        Self::of::<K>("create", Within::Everywhere, None)
    }

    /// A connection to a port of a pod. Web sockets are asked for by a GET.
    #[must_use]
    pub fn forward(namespace: &str) -> Self {
        Self::of_pods("pods/portforward", namespace)
    }

    /// What a container has written.
    #[must_use]
    pub fn logs(namespace: &str) -> Self {
        Self::of_pods("pods/log", namespace)
    }

    fn of_pods(resource: &str, namespace: &str) -> Self {
        let resource = resource.to_owned();
        let within = Within::Namespace(namespace.to_owned());
        Self { verb: "get", kind: "Pod".to_owned(), resource, within, name: None }
    }

    /// The version of the cluster.
    #[must_use]
    pub fn version() -> Self {
        let path = "/version".to_owned();
        Self { verb: "get", kind: path.clone(), resource: path, within: Within::Everywhere, name: None }
    }

    /// Whether it is about policies.
    #[must_use]
    pub fn is_of_policies(&self) -> bool {
        self.kind == "FlowPolicy"
    }

    /// The command that tells whether it is allowed.
    #[must_use]
    pub fn can_i(&self) -> String {
        format!("kubectl auth can-i {} {}{}", self.verb, self.resource, self.flag())
    }

    /// The command that lists what there is.
    #[must_use]
    pub fn what_there_is(&self) -> String {
        format!("kubectl get {}{}", self.resource, self.flag())
    }

    fn flag(&self) -> String {
        match (&self.within, &self.name) {
            (Within::Namespace(namespace), _) => format!(" -n {namespace}"),
            (Within::Everywhere, None) if matches!(self.verb, "list" | "watch" | "patch") => " -A".to_owned(),
            (Within::Everywhere, _) => String::new(),
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.within) {
            (Some(name), Within::Namespace(namespace)) => {
                write!(f, "cannot {} the {} {name} in the namespace {namespace}", self.verb, self.kind)
            }
            (Some(name), Within::Everywhere) => write!(f, "cannot {} the {} {name}", self.verb, self.kind),
            (None, Within::Namespace(namespace)) => {
                write!(f, "cannot {} {} in the namespace {namespace}", self.verb, self.resource)
            }
            (None, Within::Everywhere) => write!(f, "cannot {} {}", self.verb, self.resource),
        }
    }
}
