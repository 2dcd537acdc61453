use super::News;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Recorder, Reporter};
use std::collections::HashMap;

/// The Events of one policy.
///
/// A recorder counts an Event up that comes again, and keeps the note of the first: so a note that has changed
/// needs another recorder, or an old one would pass for what happened now.
pub(super) struct Announcer {
    client: Client,
    reporter: Reporter,
    recorder: Recorder,
    notes: HashMap<(&'static str, Option<String>), String>,
}

impl Announcer {
    pub(super) fn new(client: Client, reporter: Reporter) -> Self {
        let recorder = Recorder::new(client.clone(), reporter.clone());
        Self { client, reporter, recorder, notes: HashMap::new() }
    }

    /// What is needed to publish `news` about `policy`.
    pub(super) fn announce(&mut self, policy: &ObjectReference, news: News) -> Announcement {
        let topic = (news.reason, news.field.clone());
        let before = self.notes.insert(topic, news.note.clone());
        if before.is_some_and(|before| before != news.note) {
            self.recorder = Recorder::new(self.client.clone(), self.reporter.clone());
        }
        let about = ObjectReference { field_path: news.field.clone(), ..policy.clone() };
        Announcement { recorder: self.recorder.clone(), news, about }
    }
}

/// News that is ready to be published.
pub(super) struct Announcement {
    recorder: Recorder,
    news: News,
    about: ObjectReference,
}

impl Announcement {
    pub(super) async fn publish(&self) -> Result<(), kube::Error> {
        self.recorder.publish(&self.news.event(), &self.about).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Method, Request, Response};
    use kube::client::Body;
    use kube::runtime::events::EventType;

    fn news(note: &str, field: &str) -> News {
        News {
            type_: EventType::Warning,
            reason: "ObjectiveViolated",
            action: "Measure",
            note: note.into(),
            field: Some(field.into()),
        }
    }

    /// How the news reach the API server: a new Event is created, one that comes again is patched.
    async fn methods(all: &[News]) -> Vec<Method> {
        let (service, mut api) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let client = Client::new(service, "default");
        let mut announcer = Announcer::new(client, Reporter::from("flow-manager"));
        let mut methods = Vec::new();
        for news in all {
            let announcement = announcer.announce(&ObjectReference::default(), news.clone());
            let answer = async {
                let (request, answer) = api.next_request().await.unwrap();
                methods.push(request.method().clone());
                answer.send_response(Response::new(request.into_body()));
            };
            let (published, ()) = tokio::join!(announcement.publish(), answer);
            published.unwrap();
        }
        methods
    }

    #[tokio::test]
    async fn the_same_news_again_are_counted_up_and_others_are_new() {
        let all = [news("a", "x"), news("a", "x"), news("a", "y"), news("b", "x"), news("b", "x")];
        let expected = [Method::POST, Method::PATCH, Method::POST, Method::POST, Method::PATCH];
        assert_eq!(methods(&all).await, expected);
    }
}
