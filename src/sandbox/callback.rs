//! Callbacks: telling subscribers about new submissions and senders about new events (dossier section 11).
//!
//! A courier task takes news and delivers them beside the requests; a callback that fails is repeated with growing
//! pauses and never breaks the service. The body is compact JSON and is authenticated exactly as it is sent.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use bytes::Bytes;
use http::{Method, Request, header};
use ozg_protocols::{hex, ids::SubmissionId, moment::Moment};
use serde_json::json;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};

use super::{
    delivery::Entry,
    desk::Desk,
    destination::Callback,
    fault::FaultKind,
    set::{About, EventKind},
    signer::{self, Signer},
    world::World,
};
use crate::sender::transport::{self, Transport};

const TYPES: &str = "https://schema.fitko.de/fit-connect/submission-api/callbacks/";
/// News that may wait for the courier; what is more is lost, as subscribers have to poll anyway.
const WAITING: usize = 10_000;
const AT_ONCE: usize = 32;
/// Pauses between the attempts.
const PAUSES: [Duration; 8] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
    Duration::from_secs(32),
    Duration::from_secs(64),
];
const PATIENCE: Duration = Duration::from_secs(10);

/// Something to tell somebody.
#[derive(Debug)]
pub(super) struct News {
    callback: Callback,
    body: Bytes,
    times: u32,
    /// The submission that is announced by it.
    submission: Option<SubmissionId>,
}

/// The way to the courier.
#[derive(Debug, Clone)]
pub(super) struct Callbacks(mpsc::Sender<News>);

impl Callbacks {
    pub(super) fn send(&self, news: News) {
        if self.0.try_send(news).is_err() {
            tracing::warn!("the sandbox drops a callback: too many wait already");
        }
    }
}

/// What is to be told to the subscriber of a submission.
pub(super) fn new_submissions(world: &mut World, id: SubmissionId) -> Option<News> {
    let delivery = world.deliveries.get(id).ok()?;
    let callback = world.destinations.get(delivery.destination).ok()?.callback.clone()?;
    let body = json!({ "type": format!("{TYPES}new-submissions"), "submissionIds": [id], "submissions": [delivery.pointer()] });
    let times = if world.faults.take(FaultKind::DuplicateCallback).is_some() { 2 } else { 1 };
    Some(News { callback, body: body.to_string().into(), times, submission: Some(id) })
}

/// What is to be told to the sender of a submission.
pub(super) fn new_events(world: &World, id: SubmissionId) -> Option<News> {
    let delivery = world.deliveries.get(id).ok()?;
    let callback = delivery.callback.clone()?;
    let body =
        json!({ "type": format!("{TYPES}new-events"), "submissionIds": [id], "submissions": [delivery.pointer()] });
    Some(News { callback, body: body.to_string().into(), times: 1, submission: None })
}

/// Delivers news.
pub(super) struct Courier {
    pub(super) desk: Desk,
    pub(super) signer: Arc<Signer>,
    pub(super) transport: Transport,
    pub(super) notify_events: bool,
}

impl Courier {
    /// Starts the courier. It ends when nobody can send news any more.
    pub(super) fn start(self) -> (Callbacks, JoinHandle<()>) {
        let (send, mut sent) = mpsc::channel::<News>(WAITING);
        let (courier, turns) = (Arc::new(self), Arc::new(Semaphore::new(AT_ONCE)));
        let task = tokio::spawn(async move {
            while let Some(news) = sent.recv().await {
                let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { break };
                let courier = Arc::clone(&courier);
                tokio::spawn(async move {
                    for _ in 0..news.times {
                        courier.deliver(&news).await;
                    }
                    drop(turn);
                });
            }
        });
        (Callbacks(send), task)
    }

    async fn deliver(&self, news: &News) {
        let mut pauses = PAUSES.iter();
        loop {
            let taken = self.attempt(news).await;
            let outcome = if taken { "taken" } else { "failed" };
            let noted = self.desk.ask(move |world| *world.callbacks.entry(outcome).or_default() += 1).await;
            if taken {
                self.note(news).await;
            }
            match pauses.next() {
                Some(pause) if !taken && noted.is_ok() => tokio::time::sleep(*pause).await,
                _ => return,
            }
        }
    }

    async fn attempt(&self, news: &News) -> bool {
        let Ok(now) = self.desk.ask(|world| world.now()).await else { return false };
        let timestamp = now.seconds().to_string();
        let request = Request::builder()
            .method(Method::POST)
            .uri(&news.callback.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("callback-authentication", authenticate(&news.callback.secret, now, &news.body))
            .header("callback-timestamp", timestamp)
            .body(transport::full(news.body.clone()));
        let Ok(request) = request else { return false };
        match tokio::time::timeout(PATIENCE, self.transport.send(request)).await {
            Ok(Ok(answer)) => answer.status().is_success(),
            Ok(Err(_)) | Err(_) => false,
        }
    }

    /// Writes the notify event, where that was switched on.
    async fn note(&self, news: &News) {
        let Some(id) = news.submission.filter(|_| self.notify_events) else { return };
        let Ok(random) = signer::random() else { return };
        let about = self.desk.ask(move |world| {
            let delivery = world.deliveries.get(id).ok()?;
            Some(About { submission: id, case: delivery.case, at: world.now(), random })
        });
        let Ok(Some(about)) = about.await else { return };
        let Ok(token) = self.signer.event(about, EventKind::Notify, &json!({})).await else { return };
        let entry = Entry { submission: id, event: EventKind::Notify, token };
        drop(self.desk.ask(move |world| world.deliveries.log(about.case, entry)).await);
    }
}

/// `HMAC-SHA512(secret, timestamp.body)` in lower-case hexadecimal.
fn authenticate(secret: &str, now: Moment, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA512, secret.as_bytes());
    let message = [now.seconds().to_string().as_bytes(), b".", body].concat();
    hex::encode(hmac::sign(&key, &message).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_authenticated_as_the_published_example() {
        let body = br#"{"type":"https://schema.fitko.de/fit-connect/submission-api/callbacks/new-submissions","submissionIds":["f39ab143-d91a-474a-b69f-b00f1a1873c2"]}"#;
        let secret = "insecure_unsafe_qHScgrg_kP-R31jHUwp3GkVkGJolvBchz65b74Lzue0";
        assert_eq!(
            authenticate(secret, Moment::from_seconds(1_672_527_599), body),
            "798cd0edb70c08e5b32aa8a18cbbc8ff6b3078c51af6d011ff4e32e470c746234fc4314821fe5185264b029e962bd37de33f3b9fc5f1a93c40ce6672845e90df"
        );
    }
}
