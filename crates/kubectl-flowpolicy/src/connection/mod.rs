//! The way to the API server, as kubectl's flags and files tell it; made when it is first needed.

mod ask;
mod failure;
mod flags;
mod kubeconfig;

pub use ask::Ask;
pub use failure::Failure;
pub use flags::{Flags, duration};

use k8s_openapi::NamespaceResourceScope;
use kube::api::{ApiResource, DynamicObject, ListParams, ObjectList, PartialObjectMeta, Patch, PatchParams};
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Who writes, for the API server.
const FIELD_MANAGER: &str = "kubectl-flowpolicy";
/// How many objects are asked for at once.
const PAGE: u32 = 500;

/// The way to the API server.
#[derive(Debug)]
pub struct Connection {
    flags: Flags,
    session: OnceCell<Session>,
}

/// A connection that was made.
#[derive(Clone)]
struct Session {
    client: Client,
    /// The namespace of the context.
    namespace: String,
    /// The address, for messages.
    server: String,
}

impl Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("server", &self.server).finish_non_exhaustive()
    }
}

/// Objects of which namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Within {
    /// All.
    Everywhere,
    /// One.
    Namespace(String),
}

impl Within {
    /// The namespace, if it is one.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Everywhere => None,
            Self::Namespace(namespace) => Some(namespace),
        }
    }
}

impl Connection {
    /// The connection that `flags` describe.
    #[must_use]
    pub fn new(flags: Flags) -> Self {
        Self { flags, session: OnceCell::new() }
    }

    /// A connection that is there already.
    #[cfg(test)]
    pub(crate) fn with(client: Client, namespace: &str) -> Self {
        let session =
            Session { client, namespace: namespace.to_owned(), server: "https://cluster.test".to_owned() };
        Self { flags: Flags::default(), session: OnceCell::new_with(Some(session)) }
    }

    async fn session(&self) -> Result<&Session, Failure> {
        self.session.get_or_try_init(|| kubeconfig::connect(&self.flags)).await
    }

    /// The client, for what asks by itself.
    pub async fn client(&self) -> Result<&Client, Failure> {
        Ok(&self.session().await?.client)
    }

    /// The namespace that is meant: that of `--namespace`, else that of the context.
    pub async fn namespace(&self) -> Result<String, Failure> {
        match &self.flags.namespace {
            Some(namespace) => Ok(namespace.clone()),
            None => Ok(self.session().await?.namespace.clone()),
        }
    }

    /// The namespaces that are meant.
    pub async fn within(&self, all_namespaces: bool) -> Result<Within, Failure> {
        if all_namespaces {
            return Ok(Within::Everywhere);
        }
        self.namespace().await.map(Within::Namespace)
    }

    /// The objects of a kind with namespaces.
    pub async fn api<K>(&self, within: &Within) -> Result<Api<K>, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let client = self.client().await?.clone();
        Ok(match within.namespace() {
            Some(namespace) => Api::namespaced(client, namespace),
            None => Api::all(client),
        })
    }

    /// One object.
    pub async fn get<K>(&self, namespace: &str, name: &str) -> Result<K, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        let within = Within::Namespace(namespace.to_owned());
        let api = self.api::<K>(&within).await?;
        self.answer(Ask::get::<K>(namespace, name), api.get(name)).await
    }

    /// All objects of a kind, with `selector` (`key=value`) on their fields.
    pub async fn list_selected<K>(&self, within: &Within, selector: &str) -> Result<Vec<K>, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        self.list_by(within, ListParams::default().fields(selector)).await
    }

    async fn list_by<K>(&self, within: &Within, by: ListParams) -> Result<Vec<K>, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        let api = self.api::<K>(within).await?;
        self.pages(Ask::list::<K>(within), by, async |params| api.list(&params).await).await
    }

    /// One object, with every field that the API server knows; of the cluster where it has no namespace.
    pub async fn get_stored<K: Resource<DynamicType = ()>>(
        &self,
        within: &Within,
        name: &str,
    ) -> Result<DynamicObject, Failure> {
        let api = self.stored::<K>(within).await?;
        let ask = match within {
            Within::Everywhere => Ask::get_of_cluster::<K>(name),
            Within::Namespace(namespace) => Ask::get::<K>(namespace, name),
        };
        self.answer(ask, api.get(name)).await
    }

    /// All objects of a kind that fit `by`, with every field that the API server knows.
    pub async fn list_stored<K: Resource<DynamicType = ()>>(
        &self,
        within: &Within,
        by: ListParams,
    ) -> Result<Vec<DynamicObject>, Failure> {
        let api = self.stored::<K>(within).await?;
        self.pages(Ask::list::<K>(within), by, async |params| api.list(&params).await).await
    }

    async fn stored<K: Resource<DynamicType = ()>>(
        &self,
        within: &Within,
    ) -> Result<Api<DynamicObject>, Failure> {
        let (client, kind) = (self.client().await?.clone(), ApiResource::erase::<K>(&()));
        Ok(match within.namespace() {
            Some(namespace) => Api::namespaced_with(client, namespace, &kind),
            None => Api::all_with(client, &kind),
        })
    }

    /// All objects of a kind.
    pub async fn list<K>(&self, within: &Within) -> Result<Vec<K>, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        self.list_selected(within, "").await
    }

    /// The metadata of all objects of a kind.
    pub async fn list_metadata<K>(&self, within: &Within) -> Result<Vec<PartialObjectMeta<K>>, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        let api = self.api::<K>(within).await?;
        let all = ListParams::default();
        self.pages(Ask::list::<K>(within), all, async |params| api.list_metadata(&params).await).await
    }

    /// Changes the metadata of an object by a merge patch.
    pub async fn annotate<K>(&self, namespace: &str, name: &str, patch: impl Serialize) -> Result<K, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        let within = Within::Namespace(namespace.to_owned());
        let api = self.api::<K>(&within).await?;
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(serde_json::json!({"metadata": {"annotations": patch}}));
        self.answer(Ask::patch::<K>(namespace, name), api.patch(name, &params, &patch)).await
    }

    async fn pages<K: Clone>(
        &self,
        ask: Ask,
        by: ListParams,
        page: impl AsyncFn(ListParams) -> kube::Result<ObjectList<K>>,
    ) -> Result<Vec<K>, Failure> {
        let first = by.limit(PAGE);
        let (mut found, mut params) = (Vec::new(), first.clone());
        loop {
            let list = self.answer(ask.clone(), page(params)).await?;
            found.extend(list.items);
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = first.clone().continue_token(&token),
                None => return Ok(found),
            }
        }
    }

    /// The answer to a request, or what came instead, told with what was asked.
    pub async fn answer<T>(
        &self,
        ask: Ask,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Failure> {
        let after = self.flags.request_timeout;
        let answer = match after {
            Duration::ZERO => Ok(request.await),
            after => tokio::time::timeout(after, request).await,
        };
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.failure(ask, error)),
            Err(_) => Err(Failure::Timeout { ask: Box::new(ask), after }),
        }
    }

    /// What came instead of an answer.
    #[must_use]
    pub fn failure(&self, ask: Ask, error: kube::Error) -> Failure {
        let server = self.session.get().map(|session| session.server.clone()).unwrap_or_default();
        Failure::of(ask, error, server)
    }
}

impl Connection {
    /// What came instead of a change that was watched for.
    #[must_use]
    pub fn watch_failure(&self, ask: Ask, error: watcher::Error) -> Failure {
        match error {
            watcher::Error::InitialListFailed(cause)
            | watcher::Error::WatchStartFailed(cause)
            | watcher::Error::WatchFailed(cause) => self.failure(ask, cause),
            watcher::Error::WatchError(status) => self.failure(ask, kube::Error::Api(status)),
            error @ watcher::Error::NoResourceVersion => {
                Failure::Refused { ask: Box::new(ask), message: error.to_string() }
            }
        }
    }
}

#[cfg(test)]
mod tests;
