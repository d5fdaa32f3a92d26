//! FIT-Connect intake end to end: from the subscriber's start to the last signed acceptance at the sandbox.
//!
//! Each submission has metadata, data and one attachment of 50 KiB for an RSA-4096 key: three OAEP decryptions and one PS512
//! signature of ours, which all cores together could do at best at the rate of the limit. The sandbox is loaded first.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ozg_cloud::sender::{
    client::ApiVersion,
    sample::{Samples, service::SERVICES},
};
use tokio::task::JoinSet;

use super::{
    limits::Rsa,
    report::{Figure, Goal, cores},
    stage::{DESTINATION, Stage, now},
};

const ROUNDS: usize = 3;
const SUBMISSIONS: usize = 1_200;
const SENDERS: usize = 8;
const ATTACHMENT: usize = 50 << 10;

pub fn take() -> Vec<Figure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let rsa = Rsa::new();
    let (mut value, mut limit) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        limit += rsa.submissions_per_second(3, cores(), Duration::from_secs(3));
        value += runtime.block_on(submissions_per_second());
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

async fn submissions_per_second() -> f64 {
    let stage = Arc::new(Stage::set());
    load(&stage).await;
    let start = Instant::now();
    let _server = stage.start_server();
    let end = stage.wait_for_accepts(SUBMISSIONS as u64).await;
    SUBMISSIONS as f64 / end.duration_since(start).as_secs_f64()
}

async fn load(stage: &Arc<Stage>) {
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        let stage = stage.clone();
        senders.spawn(async move {
            let sender = stage.sender();
            let key = sender.key_of(DESTINATION, ApiVersion::V2).await.expect("the destination has a key");
            let mut samples = Samples::new(number as u64);
            samples.attachment_size = ATTACHMENT;
            let service = SERVICES.iter().find(|service| service.enclosures.is_empty()).expect("one has none");
            for _ in 0..SUBMISSIONS / SENDERS {
                let parcel = samples.of(service, ApiVersion::V2, now());
                assert_eq!(parcel.attachments.len(), 1);
                sender.send(DESTINATION, &key, ApiVersion::V2, &parcel, None).await.expect("is taken");
            }
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent.expect("a sender does not panic");
    }
}
