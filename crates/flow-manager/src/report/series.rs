use flow_policy::names::FIELD_MANAGER;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::events::{self, EventType, Reporter};
use kube::{Api, Client};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Mutex;

/// An Event that is counted up where it comes again. Clones are the same one.
///
/// kube has a recorder for that. It keeps the whole Event, and so 6 KB, which thousands of policies have dozens of after an
/// outage.
#[derive(Clone, Debug, Default)]
pub(super) struct Series(Arc<Mutex<Option<Stored>>>);

/// The Event in the API server.
#[derive(Debug)]
struct Stored {
    name: String,
    count: i32,
}

impl Series {
    /// Tells that `event` has happened to what it is `about`: once more, or as a new one where none is stored.
    pub(super) async fn publish(
        &self,
        client: &Client,
        event: events::Event,
        about: ObjectReference,
    ) -> kube::Result<()> {
        let namespace = about.namespace.clone().unwrap_or_default();
        let api = Api::namespaced(client.clone(), &namespace);
        let (mut stored, now) = (self.0.lock().await, Timestamp::now());
        let is_told = match &mut *stored {
            Some(stored) => stored.again(&api, now).await?,
            None => false,
        };
        if !is_told {
            *stored = Some(Stored::first(&api, &whole(event, about, now)).await?);
        }
        Ok(())
    }
}

impl Stored {
    async fn first(api: &Api<Event>, event: &Event) -> kube::Result<Self> {
        api.create(&PostParams::default(), event).await?;
        Ok(Self { name: event.metadata.name.clone().unwrap_or_default(), count: 1 })
    }

    /// Counts it up. Returns whether it is there: the API server forgets Events.
    async fn again(&mut self, api: &Api<Event>, now: Timestamp) -> kube::Result<bool> {
        let count = self.count.saturating_add(1);
        let series = EventSeries { count, last_observed_time: MicroTime(now) };
        let patch = Patch::Merge(json!({"series": series}));
        match api.patch(&self.name, &PatchParams::default(), &patch).await {
            Ok(_) => self.count = count,
            Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }
}

fn whole(event: events::Event, about: ObjectReference, now: Timestamp) -> Event {
    let Reporter { controller, instance } = FIELD_MANAGER.into();
    let name = format!("{}.{:x}", about.name.as_deref().unwrap_or_default(), now.as_nanosecond());
    let metadata =
        ObjectMeta { name: Some(name), namespace: about.namespace.clone(), ..ObjectMeta::default() };
    let type_ = match event.type_ {
        EventType::Normal => "Normal",
        EventType::Warning => "Warning",
    };
    Event {
        metadata,
        type_: Some(type_.to_owned()),
        reason: Some(event.reason),
        action: Some(event.action),
        note: event.note,
        regarding: Some(about),
        related: event.secondary,
        event_time: Some(MicroTime(now)),
        reporting_instance: Some(instance.unwrap_or_else(|| controller.clone())),
        reporting_controller: Some(controller),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api_server::answers::{answer, failure};
    use http::{Method, Request, Response, StatusCode};
    use kube::client::Body;
    use serde_json::Value;
    use tower_test::mock::Handle;

    fn event() -> events::Event {
        events::Event {
            type_: EventType::Warning,
            reason: "ObjectiveViolated".to_owned(),
            action: "Measure".to_owned(),
            note: Some("jitter is beyond its bound".to_owned()),
            secondary: None,
        }
    }

    /// What the API server is sent as the Event is told, which answers with `status`.
    async fn sent(
        series: &Series,
        (client, api): &mut (Client, Handle<Request<Body>, Response<Body>>),
        status: StatusCode,
    ) -> (Method, String, Value) {
        let about = ObjectReference {
            namespace: Some("factory".to_owned()),
            name: Some("robot".to_owned()),
            ..ObjectReference::default()
        };
        let answered = async {
            let (request, send) = api.next_request().await.unwrap();
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            let answered = if status.is_success() { answer(status, &body) } else { failure(status, "") };
            send.send_response(answered);
            (parts.method, parts.uri.path().to_owned(), body)
        };
        // What failed is told by what is sent next.
        tokio::join!(series.publish(client, event(), about), answered).1
    }

    fn cluster() -> (Client, Handle<Request<Body>, Response<Body>>) {
        let (service, api) = tower_test::mock::pair();
        (Client::new(service, "default"), api)
    }

    #[tokio::test]
    async fn the_first_time_is_an_event_and_each_further_one_counts_it_up() {
        let (series, mut cluster) = (Series::default(), cluster());
        let (method, path, first) = sent(&series, &mut cluster, StatusCode::CREATED).await;
        assert_eq!(
            (method, path.as_str()),
            (Method::POST, "/apis/events.k8s.io/v1/namespaces/factory/events")
        );
        for (field, value) in [
            ("/type", "Warning"),
            ("/reason", "ObjectiveViolated"),
            ("/action", "Measure"),
            ("/note", "jitter is beyond its bound"),
            ("/regarding/name", "robot"),
            ("/metadata/namespace", "factory"),
            ("/reportingController", FIELD_MANAGER),
        ] {
            assert_eq!(first.pointer(field), Some(&json!(value)), "{field} in {first}");
        }
        assert!(first["eventTime"].is_string() && first["reportingInstance"].is_string(), "{first}");
        for count in 2..4 {
            let (method, path, again) = sent(&series, &mut cluster, StatusCode::OK).await;
            assert_eq!(method, Method::PATCH);
            assert!(path.ends_with(first["metadata"]["name"].as_str().unwrap()), "{path}");
            assert_eq!(again["series"]["count"], count);
            assert!(again["series"]["lastObservedTime"].is_string(), "{again}");
        }
    }

    #[tokio::test]
    async fn what_the_api_server_does_not_have_is_told_as_new_the_next_time() {
        let (series, mut cluster) = (Series::default(), cluster());
        sent(&series, &mut cluster, StatusCode::INTERNAL_SERVER_ERROR).await;
        let (method, ..) = sent(&series, &mut cluster, StatusCode::CREATED).await;
        assert_eq!(method, Method::POST, "it was never stored");
        sent(&series, &mut cluster, StatusCode::INTERNAL_SERVER_ERROR).await;
        let (.., again) = sent(&series, &mut cluster, StatusCode::OK).await;
        assert_eq!(again["series"]["count"], 2, "what was not counted is not");
    }
}
