//! Over TLS: the version is agreed in the handshake, and browsers are told to stay with it.

use std::{path::Path, process::Command, sync::Arc};

use ozg_actors::seams::{Ids, WallClock};
use ozg_storage::random::StrongRandom;
use ozg_web::{Limits, Monitors, TlsIdentity, WebSettings};

use crate::{
    skipped::skipped,
    town::{HOST, Town},
};

/// A certificate for the town, made by openssl; nothing where there is none.
fn identity(directory: &Path) -> Option<TlsIdentity> {
    let (certificate, key) = (directory.join("cert.pem"), directory.join("key.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=musterstadt", "-addext", &format!("subjectAltName=DNS:{HOST}"), "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    made.ok().filter(|output| output.status.success())?;
    let read = |path: &Path| std::fs::read(path).expect("was made");
    Some(TlsIdentity::from_pem(&read(&certificate), &read(&key)).expect("is one"))
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_http_are_spoken_over_tls() {
    let directory = tempfile::tempdir().expect("a directory");
    let curl = Command::new("curl").arg("--version").output();
    let (Some(tls), true) = (identity(directory.path()), curl.is_ok()) else {
        skipped("pages over TLS: openssl and curl are needed on this machine");
        return;
    };
    let town = Town::founded().await;
    let listen = "127.0.0.1:0".parse().expect("valid");
    let settings = WebSettings {
        listen,
        tls: Some(tls),
        public: None,
        operations_here: false,
        monitors: Monitors::here(),
        limits: Limits::default(),
    };
    let ids = Ids::new(Arc::new(StrongRandom::new()));
    let server = ozg_web::serve(town.house.clone(), Arc::new(WallClock), ids, settings).await.expect("listens");
    let port = server.local_addr().port();
    assert_eq!(server.address_of(HOST), format!("https://{HOST}:{port}"));
    for (option, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let said = tokio::process::Command::new("curl")
            .args(["-sS", "-i", option, "--noproxy", "*", "--resolve", &format!("{HOST}:{port}:127.0.0.1")])
            .args(["-w", "[%{http_version} %{http_code}]", "--cacert"])
            .arg(directory.path().join("cert.pem"))
            .arg(format!("https://{HOST}:{port}/anmeldung"))
            .output()
            .await
            .expect("curl runs");
        let text = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert!(text.contains(&format!("[{version} 200]")), "{option}: {text}");
        assert!(text.to_lowercase().contains("strict-transport-security: max-age="), "{text}");
    }
    server.shutdown().await;
    town.closes().await;
}
