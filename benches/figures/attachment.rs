//! An attachment of 1 GiB in and out again: how much more memory the server ever had than before it.

use std::{io::Write, time::Duration};

use http::{Request, header};
use http_body_util::BodyExt;
use ozg_cloud::sender::{
    client::{ApiVersion, Verdict},
    parcel::Content,
    sample::Samples,
    transport,
};
use ozg_protocols::fit_connect::hash::ContentHasher;

use super::{
    report::{Figure, Goal},
    stage::{DESTINATION, Stage, now},
};

const LENGTH: u64 = 1 << 30;

pub fn take() -> Vec<Figure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let growth = runtime.block_on(memory_growth());
    vec![Figure {
        name: "1 GiB attachment in and out, memory growth".into(),
        unit: "MiB",
        value: growth / f64::from(1 << 20),
        limit: None,
        limit_is: "",
        goal: Goal::ValueBelow(100.0),
    }]
}

async fn memory_growth() -> f64 {
    let stage = Stage::set();
    let server = stage.start_server();
    stage.wait_until_ready().await;
    let sender = stage.sender();
    let key = sender.key_of(DESTINATION, ApiVersion::V2).await.expect("the destination has a key");
    let mut samples = Samples::new(1);
    // A small one first, so that whatever is made once is there before the growth is taken.
    let small = samples.next(ApiVersion::V2, now());
    send(&sender, &key, &small).await;
    let cookie = stage.sign_in().await;
    let before = server.memory_from_now();

    let mut large = samples.next(ApiVersion::V2, now());
    large.attachments[0].content = Content::Generated { length: LENGTH };
    let hash = large.attachments[0].content.hash();
    send(&sender, &key, &large).await;
    let id = large.attachments[0].id;
    let (status, hashed, length) = fetch(&stage, &cookie, &find(&stage, &cookie, &id.to_string()).await).await;
    assert_eq!((status, length), (200, LENGTH), "the attachment comes out whole");
    assert_eq!(hashed, hash, "the attachment comes out as it went in");
    println!("  sandbox: {:.0} MiB at most", stage.sandbox_memory() / f64::from(1 << 20));
    server.peak_memory() - before
}

async fn send(
    sender: &ozg_cloud::sender::client::Sender,
    key: &ozg_protocols::fit_connect::jose::rsa::EncryptionKey,
    parcel: &ozg_cloud::sender::parcel::Parcel,
) {
    let receipt = sender.send(DESTINATION, key, ApiVersion::V2, parcel, None).await.expect("is taken");
    let verdict = sender.wait(receipt, ApiVersion::V2, Duration::from_secs(600)).await.expect("is readable");
    assert_eq!(verdict, Verdict::Accepted);
}

/// The address of this attachment, by way of the list and the cases in it.
async fn find(stage: &Stage, cookie: &str, attachment: &str) -> String {
    for _ in 0..100 {
        let (_, _, list) = stage.get(&stage.page("/vorgaenge?ansicht=alle"), cookie).await;
        for case in links(&String::from_utf8_lossy(&list), "/vorgang/") {
            let (_, _, page) = stage.get(&stage.page(&case), cookie).await;
            let page = String::from_utf8_lossy(&page).into_owned();
            if let Some(link) = links(&page, "/vorgang/").into_iter().find(|link| link.ends_with(attachment)) {
                return stage.page(&link);
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

async fn fetch(
    stage: &Stage,
    cookie: &str,
    address: &str,
) -> (u16, ozg_protocols::fit_connect::hash::ContentHash, u64) {
    let request = Request::get(address).header(header::COOKIE, cookie).body(transport::empty()).expect("valid");
    let (head, mut body) = stage.transport.send(request).await.expect("answers").into_parts();
    let (mut hasher, mut length) = (ContentHasher::new(), 0);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.expect("the answer goes on").into_data() {
            hasher.write_all(&data).expect("a hash takes everything");
            length += data.len() as u64;
        }
    }
    (head.status.as_u16(), hasher.finish(), length)
}
