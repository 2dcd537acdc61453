use super::objects::Object;
use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::ResourceExt;
use kube::api::PartialObjectMeta;

/// What is kept of a `ReplicaSet`, of which a Deployment has one for each revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    namespace: Box<str>,
    name: Box<str>,
    uid: Box<str>,
    controller: Option<Box<str>>,
}

impl Revision {
    /// Its UID.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid
    }
}

impl From<&PartialObjectMeta<ReplicaSet>> for Revision {
    fn from(set: &PartialObjectMeta<ReplicaSet>) -> Self {
        let controller = set.owner_references().iter().find(|owner| owner.controller == Some(true));
        Self {
            namespace: set.namespace().unwrap_or_default().into(),
            name: set.name_any().into(),
            uid: set.uid().unwrap_or_default().into(),
            controller: controller.map(|owner| owner.uid.as_str().into()),
        }
    }
}

impl Object for Revision {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn controller(&self) -> Option<&str> {
        self.controller.as_deref()
    }

    fn is_found_like(&self, other: &Self) -> bool {
        self == other
    }

    fn share(&mut self, _: &Self) {}
}
