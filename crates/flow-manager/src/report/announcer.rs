use super::News;
use super::series::Series;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// What is told often is told at most so often, once it was told [`BURST`] times in a row.
const INTERVAL: Duration = Duration::from_mins(1);
const BURST: u32 = 5;

/// How many notes on one topic are counted up. Beyond, the one that has not come for longest is told as a new Event.
const NOTES: usize = 4;

/// How long an Event is counted up.
const KEPT: Duration = Duration::from_mins(6);

/// The Events of one policy.
#[derive(Default)]
pub(super) struct Announcer {
    topics: HashMap<(&'static str, &'static str, Option<String>), Topic>,
}

/// Events of one reason about one part of a policy.
///
/// An Event that is counted up keeps the note of the first: so each note has one of its own, or an old one would pass for
/// what happened now.
struct Topic {
    told: Vec<Told>,
    free_at: Instant,
}

/// An Event that may come again.
struct Told {
    note: String,
    series: Series,
    last: Instant,
}

impl Announcer {
    /// What is needed to publish `news` about `policy`; nothing if that would be too often.
    pub(super) fn announce(
        &mut self,
        policy: &ObjectReference,
        news: News,
        now: Instant,
    ) -> Option<Announcement> {
        let topic = self.topics.entry((news.reason, news.action, news.field.clone()));
        let topic = topic.or_insert_with(|| Topic { told: Vec::new(), free_at: now });
        if !topic.allows(now) {
            return None;
        }
        let series = topic.series(&news.note, now);
        let about = ObjectReference { field_path: news.field.clone(), ..policy.clone() };
        Some(Announcement { series, news, about })
    }

    /// Forgets what has not come for so long that it would be told anew.
    pub(super) fn forget_old(&mut self, now: Instant) {
        // By then a topic may be told as often as a new one, too.
        self.topics.retain(|_, topic| topic.has_recent(now));
        self.topics.shrink_to_fit();
    }
}

impl Topic {
    fn allows(&mut self, now: Instant) -> bool {
        let free_at = self.free_at.max(now);
        let allows = free_at <= now + INTERVAL * (BURST - 1);
        if allows {
            self.free_at = free_at + INTERVAL;
        }
        allows
    }

    /// The Event with that note, which becomes the one that came last.
    fn series(&mut self, note: &str, now: Instant) -> Series {
        let position = self.told.iter().position(|told| told.note == note);
        let series = position.map(|position| self.told.remove(position).series).unwrap_or_default();
        self.told.truncate(NOTES - 1);
        self.told.insert(0, Told { note: note.to_owned(), series: series.clone(), last: now });
        series
    }

    fn has_recent(&mut self, now: Instant) -> bool {
        self.told.retain(|told| now < told.last + KEPT);
        !self.told.is_empty()
    }
}

/// News that is ready to be published.
pub(super) struct Announcement {
    series: Series,
    news: News,
    about: ObjectReference,
}

impl Announcement {
    pub(super) async fn publish(self, client: Client) -> kube::Result<()> {
        self.series.publish(&client, self.news.event(), self.about).await
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
            pod: None,
        }
    }

    /// How the news reach the API server: a new Event is created, one that comes again is patched.
    async fn methods(all: &[News]) -> Vec<Method> {
        let (service, mut api) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let (mut announcer, client) = (Announcer::default(), Client::new(service, "default"));
        let mut methods = Vec::new();
        for news in all {
            let about = ObjectReference::default();
            let announcement = announcer.announce(&about, news.clone(), Instant::now()).unwrap();
            let answer = async {
                let (request, answer) = api.next_request().await.unwrap();
                methods.push(request.method().clone());
                answer.send_response(Response::new(request.into_body()));
            };
            let (published, ()) = tokio::join!(announcement.publish(client.clone()), answer);
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

    #[tokio::test]
    async fn news_that_alternate_are_counted_up_too() {
        let all = [news("a", "x"), news("b", "x"), news("a", "x"), news("b", "x")];
        assert_eq!(methods(&all).await, [Method::POST, Method::POST, Method::PATCH, Method::PATCH]);
    }

    /// How many of `news`, one each second, are told.
    fn told(announcer: &mut Announcer, start: Instant, news: impl Iterator<Item = News>) -> usize {
        let about = ObjectReference::default();
        let seconds = (0..).map(|second| start + Duration::from_secs(second));
        news.zip(seconds).filter_map(|(news, now)| announcer.announce(&about, news, now)).count()
    }

    #[tokio::test]
    async fn what_flaps_is_told_at_a_bounded_rate_and_keeps_nothing_else_from_being_told() {
        let mut announcer = Announcer::default();
        let start = Instant::now();
        let flaps = (0..3600).map(|number| news(&format!("note {number}"), "x"));
        assert_eq!(told(&mut announcer, start, flaps), 5 + 59);
        let hour = start + Duration::from_hours(1);
        assert_eq!(told(&mut announcer, hour, std::iter::once(news("a", "y"))), 1);
        assert!(announcer.topics.values().all(|topic| topic.told.len() <= NOTES));
        let later = hour + INTERVAL * BURST;
        assert_eq!(told(&mut announcer, later, (0..10).map(|_| news("a", "x"))), 5);
    }

    #[tokio::test]
    async fn what_has_not_come_for_minutes_takes_no_memory() {
        let (mut announcer, start) = (Announcer::default(), Instant::now());
        assert_eq!(
            told(&mut announcer, start, [news("a", "x"), news("b", "x"), news("a", "y")].into_iter()),
            3
        );
        announcer.forget_old(start + KEPT);
        let left: Vec<_> = announcer.topics.values().flat_map(|topic| &topic.told).collect();
        assert_eq!(left.len(), 2, "those of one and two seconds later");
        announcer.forget_old(start + KEPT + Duration::from_secs(2));
        assert!(announcer.topics.is_empty());
        assert_eq!(announcer.topics.capacity(), 0);
    }
}
