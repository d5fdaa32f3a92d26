//! prism stands between a foreign client and the sandbox, with the official description in its hand: whatever either of
//! them says against it becomes an error of the client, and is written down.

use std::{
    fs::{self, File},
    net::TcpListener,
    process::{Child, Command},
    time::Duration,
};

use http::{Request, StatusCode, header};
use ozg_cloud::sender::transport;
use serde_json::json;

use super::{counterpart, fitconnect, shared, show};
use crate::{sandbox_town::eventually, world::World};

/// Ends the proxy with the test, however that ends.
struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
#[ignore = "needs a counterpart: make interop"]
async fn a_foreign_client_breaks_no_rule_of_the_official_description_and_neither_do_we() {
    let Some(description) = shared("data/fitconnect/submission-api-1.1.3.yaml") else { return };
    let world = World::open().await;
    let port = {
        let held = TcpListener::bind("127.0.0.1:0").expect("a port");
        held.local_addr().expect("an address").port()
    };
    let log = world.path("prism.log");
    let out = File::create(&log).expect("a log");
    let proxy = Command::new("node")
        .arg(counterpart("prism/node_modules/@stoplight/prism-cli/dist/index.js"))
        .arg("proxy")
        .arg(&description)
        .arg(world.account().submission_url)
        .args(["--errors", "--host", "127.0.0.1", "--port", &port.to_string()])
        .stdout(out.try_clone().expect("a log"))
        .stderr(out)
        .spawn()
        .expect("prism starts");
    let _proxy = Proxy(proxy);
    let said = || fs::read_to_string(&log).expect("a log");
    // It compiles the description first.
    for _ in 0..10 {
        if said().contains("Prism is listening") {
            break;
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    eventually("prism", async || said().contains("Prism is listening")).await;

    let sent = fitconnect::send(&world, &format!("http://127.0.0.1:{port}")).await;
    assert_eq!(sent["events"], json!(["create-submission", "submit-submission", "accept-submission"]));
    let said = said();
    let broken: Vec<&str> = said.lines().filter(|line| line.to_lowercase().contains("violation")).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    let forwarded = said.matches("Forwarding").count();
    assert!(forwarded >= 9, "{said}");
    // A proxy that looks away would find nothing, too.
    let wrong = Request::post(format!("http://127.0.0.1:{port}/v1/submissions"))
        .header(header::AUTHORIZATION, "Bearer x")
        .header(header::CONTENT_TYPE, "application/json")
        .body(transport::full("{}"))
        .expect("a request");
    assert_eq!(world.transport.send(wrong).await.expect("an answer").status(), StatusCode::UNPROCESSABLE_ENTITY);
    show(format!("{forwarded} calls forwarded, 0 violations"));
}
