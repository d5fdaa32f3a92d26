//! The stage of a figure that needs the whole program: a tenant with one destination, the sandbox and the server, each a
//! process of its own, in a scratch directory.

use std::{
    fs,
    io::{BufRead, BufReader, Lines, Write},
    net::TcpListener,
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use ozg_cloud::{
    sandbox::{Client, OfferedService, Office, OfficePlan, Scope, Seed, Urls},
    sender::{
        client::{Account, ApiVersion, Sender},
        sample::{MAPPING, service::SERVICES},
        transport::{self, Transport},
    },
};
use ozg_protocols::{forms::ozg_cloud as form, ids::DestinationId, moment::Moment};
use serde_json::Value;
use tempfile::TempDir;

const SECRET: &str = "bench-sender-secret-0123456789";
const PASSWORD: &str = "bench-password-2026";
/// The destination of the stage.
pub const DESTINATION: DestinationId = DestinationId::from_random([9; 16]);

/// A sandbox, and what is needed to start the server beside it.
#[derive(Debug)]
pub struct Stage {
    directory: TempDir,
    urls: Urls,
    port: u16,
    sandbox: Running,
    /// Held open: a sandbox that cannot say what it wants to ends.
    _said: Lines<BufReader<ChildStdout>>,
    pub transport: Transport,
}

/// A process that ends with its handle.
#[derive(Debug)]
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Forgets the most memory it had; what it has now, in bytes.
    pub fn memory_from_now(&self) -> f64 {
        // 5: the kernel starts the peak anew (proc(5)).
        fs::write(format!("/proc/{}/clear_refs", self.0.id()), "5").expect("our own child");
        self.memory("VmRSS:")
    }

    /// The most memory it had resident since then, in bytes.
    pub fn peak_memory(&self) -> f64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, kind: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(kind)).expect("Linux says so");
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib * 1024.0
    }
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ozg-cloud"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

pub fn now() -> Moment {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Moment::default().plus(since)
}

impl Stage {
    /// Sets everything up and starts the sandbox.
    pub fn set() -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a scratch directory");
        let root = directory.path().to_owned();
        let services: Vec<OfferedService> = SERVICES
            .iter()
            .map(|service| OfferedService {
                identifier: service.identifier(),
                region: "DE".to_owned(),
                schema_uri: form::SCHEMA_URI.to_owned(),
                mime_type: "application/json".to_owned(),
            })
            .collect();
        let plan = OfficePlan {
            label: "bench",
            id: DESTINATION,
            name: "Bench",
            version: ApiVersion::V2,
            services,
            callback_url: None,
            org_unit: Some("amt"),
        };
        let offices = Office::set_up(&root.join("keys"), vec![plan], now()).expect("keys are made");
        let sender = Client {
            client_id: "sender".to_owned(),
            client_secret: SECRET.to_owned(),
            scopes: [Scope::SendSubmissions].into(),
            destinations: [].into(),
        };
        let seed = Seed {
            clients: vec![offices[0].client(), sender],
            destinations: vec![offices[0].destination()],
            areas: Vec::new(),
        };
        write(&root.join("seed.json"), &serde_json::to_string(&seed).expect("plain data"));
        let seed = root.join("seed.json").display().to_string();
        let spool = root.display().to_string();
        let mut sandbox = program(&["sandbox", "--listen", "127.0.0.1:0", "--seed", &seed, "--spool", &spool])
            .spawn()
            .expect("starts");
        let mut said = BufReader::new(sandbox.stdout.take().expect("piped")).lines();
        let base =
            said.by_ref().map_while(Result::ok).find_map(|line| Some(line.strip_prefix("Basis:")?.trim().to_owned()));
        let urls = Urls::at(&base.expect("the sandbox says where it is"));
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let config = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"http://{{host}}:{port}\"\ndata_dir = \"data\"\n\
             [storage]\nreserve_mib = 64\n[outbound]\nallow_http_loopback = true\n[log]\nlevel = \"warn\"\n\
             [[tenant]]\nslug = \"bench\"\nname = \"Bench\"\nhosts = [\"bench.localhost\"]\nkey_file = \"bench.key\"\n\
             [[tenant.org_unit]]\nid = \"amt\"\nname = \"Amt\"\n{MAPPING}{}",
            offices[0].section(&urls),
        );
        write(&root.join("ozg.toml"), &config);
        fs::create_dir(root.join("data")).expect("a data directory");
        let stage = Self {
            directory,
            urls,
            port,
            sandbox: Running(sandbox),
            _said: said,
            transport: Transport::new(None).expect("a client"),
        };
        stage.command(&["tenant", "init", "bench"]);
        stage.command(&[
            "account",
            "add",
            "bench",
            "emil",
            "--name",
            "Emil",
            "--role",
            "VERWALTUNG_USER",
            "--org-unit",
            "amt",
        ]);
        stage
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("ozg.toml")
    }

    fn command(&self, arguments: &[&str]) {
        let config = self.config().display().to_string();
        let mut child = program(&[&["--config", &config], arguments].concat()).spawn().expect("starts");
        // A command that takes no input may have closed it already.
        let _ = child.stdin.take().expect("piped").write_all(format!("{PASSWORD}\n").as_bytes());
        assert!(child.wait().expect("ends").success(), "{arguments:?} failed");
    }

    /// Starts the server.
    pub fn start_server(&self) -> Running {
        let config = self.config().display().to_string();
        Running(program(&["--config", &config, "serve"]).stdout(Stdio::null()).spawn().expect("starts"))
    }

    /// A sender at the sandbox.
    pub fn sender(&self) -> Sender {
        let account = Account {
            token_url: self.urls.token.clone(),
            submission_url: self.urls.submission.clone(),
            client_id: "sender".to_owned(),
            client_secret: SECRET.to_owned(),
        };
        Sender::new(self.transport.clone(), account)
    }

    /// What the sandbox has seen.
    pub async fn sandbox_state(&self) -> Value {
        let (status, _, body) = self.get(&format!("{}/sandbox/state", self.urls.base), "").await;
        assert_eq!(status, StatusCode::OK);
        serde_json::from_slice(&body).expect("JSON")
    }

    /// Waits until the sandbox has seen so many acceptances; when the last one came.
    pub async fn wait_for_accepts(&self, wanted: u64) -> Instant {
        loop {
            let state = self.sandbox_state().await;
            let accepted = state.pointer("/events/accept-submission").and_then(Value::as_u64).unwrap_or(0);
            if accepted >= wanted {
                assert_eq!(state["mostAcceptsOfOneSubmission"], 1, "somebody was accepted twice");
                return Instant::now();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the server is ready.
    pub async fn wait_until_ready(&self) {
        loop {
            let request = Request::get(format!("http://127.0.0.1:{}/readyz", self.port)).body(transport::empty());
            let answer = self.transport.send(request.expect("valid")).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The address of a page.
    pub fn page(&self, path: &str) -> String {
        format!("http://bench.localhost:{}{path}", self.port)
    }

    /// Signs in at the server; the cookie.
    pub async fn sign_in(&self) -> String {
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.page("/anmeldung"))
            .header(header::ORIGIN, format!("http://bench.localhost:{}", self.port))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(transport::full(format!("kennung=emil&passwort={PASSWORD}")))
            .expect("valid");
        let answer = self.transport.send(request).await.expect("answers");
        let cookie = answer.headers().get(header::SET_COOKIE).expect("signed in").to_str().expect("ASCII");
        cookie.split(';').next().expect("has a value").to_owned()
    }

    /// Fetches something whole.
    pub async fn get(&self, address: &str, cookie: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
        let request = Request::get(address).header(header::COOKIE, cookie).body(transport::empty()).expect("valid");
        let (head, body) = self.transport.send(request).await.expect("answers").into_parts();
        (head.status, head.headers, body.collect().await.expect("a whole answer").to_bytes().to_vec())
    }

    /// The most memory of the sandbox, in bytes.
    pub fn sandbox_memory(&self) -> f64 {
        self.sandbox.peak_memory()
    }
}

fn write(path: &std::path::Path, text: &str) {
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).expect("the scratch directory is ours");
    file.write_all(text.as_bytes()).expect("space is left");
}
