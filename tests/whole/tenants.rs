//! Two tenants in one process, over HTTP: nothing of one is worth anything at the other.

use http::StatusCode;
use ozg_cloud::sender::client::{ApiVersion, Verdict};

use crate::{
    sandbox_town::{PATIENCE, eventually, sample},
    world::{PLACES, World},
};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_one_tenant_is_worth_anything_at_the_other() {
    let world = World::open().await;
    let [here, there] = &PLACES;
    let (sender, key) = (world.sender(), world.key_of(here).await);
    let sent = sender.send(here.destination(), &key, ApiVersion::V2, &sample(ApiVersion::V2), None).await;
    let verdict = sender.wait(sent.expect("sent"), ApiVersion::V2, PATIENCE).await;
    assert_eq!(verdict.expect("a log"), Verdict::Accepted);
    eventually("the case", async || world.rows(here).await.len() == 1).await;
    assert_eq!(world.rows(there).await.len(), 0);

    let rows = world.rows(here).await;
    let case = rows[0].split_once('"').expect("an id").0;
    let path = format!("/vorgang/{case}");
    let (visitor, native) = (world.visitor(here, "erika").await, world.visitor(there, "erika").await);
    assert_eq!(visitor.open(&path).await.expect("a page").status, StatusCode::OK);
    assert_eq!(native.open(&path).await.expect("a page").status, StatusCode::NOT_FOUND);

    let astray = visitor.moved_to(world.origin(there));
    for path in ["/vorgaenge?ansicht=alle", &path] {
        let page = astray.open(path).await.expect("a page");
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{path}: to the sign-in, like anybody");
    }
    assert_eq!(visitor.open("/vorgaenge").await.expect("a page").status, StatusCode::OK, "still signed in at home");
}
