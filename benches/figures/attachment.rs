//! An attachment of 1 GiB in and out again: how much more memory the server ever had than before it.

use std::{io::Write, time::Duration};

use http_body_util::BodyExt;
use ozg_cloud::{
    demo::visitor::Visitor,
    sender::{
        client::{ApiVersion, Sender, Verdict},
        parcel::{Content, Parcel},
        sample::Samples,
    },
};
use ozg_protocols::fit_connect::{
    hash::{ContentHash, ContentHasher},
    jose::rsa::EncryptionKey,
};

use super::{
    report::{Figure, Goal},
    stage::{self, memory_from_now, peak_memory},
};
use crate::{sandbox_town::now, world::PLACES};

const LENGTH: u64 = 1 << 30;
/// An answer that pauses longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn take() -> Vec<Figure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (growth, sandbox) = runtime.block_on(memory());
    let figure = |name: &str, bytes: f64, goal| Figure {
        name: name.into(),
        unit: "MiB",
        value: bytes / f64::from(1 << 20),
        limit: None,
        limit_is: "",
        goal,
    };
    vec![
        figure("1 GiB attachment in and out, memory growth", growth, Goal::ValueBelow(100.0)),
        figure("1 GiB attachment in and out, memory of the sandbox", sandbox, Goal::Nothing),
    ]
}

/// How much more memory the server ever had than before, and the most that the sandbox had, in bytes.
async fn memory() -> (f64, f64) {
    let mut world = stage::set().await;
    world.start_server();
    world.ready().await;
    let (server, sandbox) = (world.server.as_ref().expect("started"), world.sandbox.as_ref().expect("started"));
    let (sender, key) = (world.sender(), world.key_of(&PLACES[0]).await);
    let mut samples = Samples::new(1);
    // A small one first, so that whatever is made once is there before the growth is taken.
    let small = samples.next(ApiVersion::V2, now());
    send(&sender, &key, &small).await;
    let visitor = world.visitor(&PLACES[0], "erika").await;
    let before = memory_from_now(server);

    let mut large = samples.next(ApiVersion::V2, now());
    large.attachments[0].content = Content::Generated { length: LENGTH };
    let hash = large.attachments[0].content.hash();
    send(&sender, &key, &large).await;
    let path = find(&visitor, &large.attachments[0].id.to_string()).await;
    let (status, hashed, length) = fetch(&visitor, &path).await;
    assert_eq!((status, length), (200, LENGTH), "the attachment comes out whole");
    assert_eq!(hashed, hash, "the attachment comes out as it went in");
    (peak_memory(server) - before, peak_memory(sandbox))
}

async fn send(sender: &Sender, key: &EncryptionKey, parcel: &Parcel) {
    let receipt = sender.send(PLACES[0].destination(), key, ApiVersion::V2, parcel, None).await.expect("is taken");
    let verdict = sender.wait(receipt, ApiVersion::V2, Duration::from_secs(600)).await.expect("is readable");
    assert_eq!(verdict, Verdict::Accepted);
}

/// The path of this attachment, by way of the list and the cases in it.
async fn find(visitor: &Visitor, attachment: &str) -> String {
    for _ in 0..100 {
        let list = visitor.open("/vorgaenge?ansicht=alle").await.expect("a list").text;
        for case in links(&list, "/vorgang/") {
            let page = visitor.open(&case).await.expect("a page").text;
            if let Some(link) = links(&page, "/vorgang/").into_iter().find(|link| link.ends_with(attachment)) {
                return link;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no case shows the attachment");
}

fn links(page: &str, start: &str) -> Vec<String> {
    let hrefs = page.split("href=\"").skip(1).filter_map(|rest| rest.split(['"', '?', '#']).next());
    hrefs.filter(|href| href.starts_with(start)).map(str::to_owned).collect()
}

async fn fetch(visitor: &Visitor, path: &str) -> (u16, ContentHash, u64) {
    let (head, mut body) = visitor.begin(path).await.expect("answers").into_parts();
    let (mut hasher, mut length) = (ContentHasher::new(), 0);
    while let Some(frame) = tokio::time::timeout(PATIENCE, body.frame()).await.expect("the answer goes on") {
        if let Ok(data) = frame.expect("the answer goes on").into_data() {
            hasher.write_all(&data).expect("a hash takes everything");
            length += data.len() as u64;
        }
    }
    (head.status.as_u16(), hasher.finish(), length)
}
