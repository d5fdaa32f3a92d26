//! FIT-Connect intake end to end: from the subscriber's start to the last signed acceptance at the sandbox.
//!
//! Each submission has metadata, data and one attachment of 50 KiB for an RSA-4096 key: three OAEP decryptions and one PS512
//! signature of ours, which all cores together could do at best at the rate of the limit. The sandbox is loaded first.

use std::time::{Duration, Instant};

use ozg_cloud::sender::{
    client::ApiVersion,
    sample::{Samples, service::SERVICES},
};
use tokio::task::JoinSet;

use super::{
    limits::Rsa,
    report::{Figure, Goal, cores},
    stage,
};
use crate::{
    sandbox_town::now,
    world::{PLACES, World},
};

const ROUNDS: usize = 3;
const SUBMISSIONS: usize = 1_200;
const SENDERS: usize = 8;
const ATTACHMENT: usize = 50 << 10;
/// Whoever needs longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(600);

pub fn take() -> Vec<Figure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let rsa = Rsa::new();
    let (mut value, mut limit, mut worlds) = (0.0, 0.0, Vec::new());
    for _ in 0..ROUNDS {
        limit += rsa.submissions_per_second(3, cores(), Duration::from_secs(3));
        let (rate, world) = runtime.block_on(submissions_per_second());
        value += rate;
        // Its files stay till the end: for a minute ext4 looks around everything that was removed.
        worlds.push(world);
        limit += rsa.submissions_per_second(3, cores(), Duration::from_secs(3));
    }
    let (value, limit) = (value / ROUNDS as f64, limit / (2 * ROUNDS) as f64);
    vec![Figure {
        name: "FIT-Connect intake, end to end".into(),
        unit: "1/s",
        value,
        limit: Some(limit),
        limit_is: "3 OAEP decryptions + 1 PS512 signature, all cores",
        goal: Goal::RatioAtLeast(0.6),
    }]
}

/// The rate of one round, and what it leaves behind; nobody works there any more.
async fn submissions_per_second() -> (f64, World) {
    let mut world = stage::set().await;
    load(&world).await;
    let start = Instant::now();
    world.start_server();
    assert!(world.accepted(SUBMISSIONS, PATIENCE).await, "not all are accepted after {PATIENCE:?}");
    let took = start.elapsed();
    assert_eq!(world.sandbox("state").await["mostAcceptsOfOneSubmission"], 1, "somebody was accepted twice");
    drop((world.server.take(), world.sandbox.take()));
    (SUBMISSIONS as f64 / took.as_secs_f64(), world)
}

async fn load(world: &World) {
    let (mut senders, place) = (JoinSet::new(), &PLACES[0]);
    assert_eq!(place.version, ApiVersion::V2);
    for number in 0..SENDERS {
        let (sender, key) = (world.sender(), world.key_of(place).await);
        senders.spawn(async move {
            let mut samples = Samples::new(number as u64);
            samples.attachment_size = ATTACHMENT;
            let service = SERVICES.iter().find(|service| service.enclosures.is_empty()).expect("one has none");
            for _ in 0..SUBMISSIONS / SENDERS {
                let parcel = samples.of(service, ApiVersion::V2, now());
                assert_eq!(parcel.attachments.len(), 1);
                sender.send(place.destination(), &key, ApiVersion::V2, &parcel, None).await.expect("is taken");
            }
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent.expect("a sender does not panic");
    }
}
