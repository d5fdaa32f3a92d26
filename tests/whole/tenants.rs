//! Two tenants in one process, over HTTP: nothing of one is worth anything at the other, and neither sees the other.

use http::StatusCode;
use http_body_util::BodyExt as _;
use ozg_cloud::sender::client::{ApiVersion, Verdict};

use crate::{
    sandbox_town::{PATIENCE, eventually, sample},
    world::{PASSWORD, PLACES, World},
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

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_of_one_tenant_sees_what_all_lean_on_and_nothing_of_the_other() {
    let mut world = World::lay();
    for place in &PLACES {
        let account = ["account", "add", place.slug, "otto", "--name", "Otto Brandt", "--role", "BETRIEB"];
        world.done(&account, PASSWORD);
    }
    world.start_sandbox().await;
    world.start_server();
    world.ready().await;
    for (own, other) in [(&PLACES[0], &PLACES[1]), (&PLACES[1], &PLACES[0])] {
        let otto = world.visitor(own, "otto").await;
        let page = otto.open("/betrieb").await.expect("a page").text;
        let shown = |path: &str| page.contains(&format!("<code class=\"alfa-pfad\">{path}</code>"));
        let (batcher, connector) =
            (format!("house/infrastructure/batcher-{}", own.slug), format!("fit-connect-{}", own.destination()));
        assert!(shown("house/infrastructure/clock") && shown(&batcher), "{page}");
        assert!(shown(&format!("house/{}/{connector}", own.slug)), "{page}");
        let first = own.destination().to_string()[..8].to_owned();
        for name in [format!("Zustellpunkt {first}…"), format!("Bote {first}…"), format!("Mandant {}", own.slug)] {
            assert!(page.contains(&format!(">{name}</span>")), "{name} is not there: {page}");
        }
        for foreign in [other.slug.to_owned(), other.destination().to_string()] {
            assert!(!page.contains(&foreign), "{foreign} is there: {page}");
        }
        let mut sent = otto.begin("/betrieb/ereignisse").await.expect("a stream").into_body();
        let mut heard = String::new();
        while !heard.contains("event:alfa:stand") {
            let frame = sent.frame().await.expect("it goes on").expect("read");
            heard.push_str(&String::from_utf8_lossy(frame.data_ref().map_or(&[], |data| data)));
        }
        assert!(heard.contains(&connector) && !heard.contains(other.slug), "{heard}");
    }
}
