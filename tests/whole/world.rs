//! A whole world of real processes: the sandbox and the server with two tenants, on free ports, in a directory of its own.
//!
//! Files are laid out as an operator would have them; tenants and accounts are made by the ordinary commands. Both
//! processes end with the world, however that ends. What the server says is kept over its restarts.

use std::{
    ffi::OsStr,
    fs,
    io::Write as _,
    iter,
    net::TcpListener,
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use ozg_cloud::{
    demo::visitor::{self, Visitor},
    sandbox::{Client, OfferedService, Office, OfficePlan, Scope, Seed, Urls},
    sender::{
        client::{Account, ApiVersion, Sender},
        sample::{MAPPING, service::SERVICES},
        transport::{self, Transport},
    },
};
use ozg_protocols::{fit_connect::jose::rsa::EncryptionKey, forms::ozg_cloud as form_data, ids::DestinationId};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::sandbox_town::{keys, now};

/// Of every account here.
pub(crate) const PASSWORD: &str = "nur-fuer-pruefungen-2026";
const SENDER: &str = "onlinedienst";
const SENDER_SECRET: &str = "onlinedienst-secret";
const LONGEST_START: Duration = Duration::from_secs(120);

/// A tenant here; its label names its keys and its destination.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) slug: &'static str,
    pub(crate) version: ApiVersion,
    label: &'static str,
    number: u8,
}

/// The tenants, one for each version of the Submission API.
pub(crate) const PLACES: [Place; 2] = [
    Place { slug: "musterstadt", version: ApiVersion::V2, label: "eins", number: 1 },
    Place { slug: "kleinau", version: ApiVersion::V1, label: "zwei", number: 2 },
];

impl Place {
    pub(crate) const fn destination(&self) -> DestinationId {
        DestinationId::from_random([self.number; 16])
    }
}

/// Ends the process with the test, however that ends.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// What Linux says of it under this name (proc(5)).
    pub(crate) fn status(&self, name: &str) -> String {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.id())).expect("a child that was not waited for");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux says so");
        line.trim_start_matches(':').trim().to_owned()
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    fn has_ended(&self) -> bool {
        self.status("State").starts_with('Z')
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Sandbox and server.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) transport: Transport,
    pub(crate) port: u16,
    pub(crate) sandbox_port: u16,
    pub(crate) server: Option<Process>,
    pub(crate) sandbox: Option<Process>,
    directory: TempDir,
}

impl World {
    /// Lays the files out and starts both processes; the server answers.
    pub(crate) async fn open() -> Self {
        let mut world = Self::lay();
        world.start_sandbox().await;
        world.start_server();
        world.ready().await;
        world
    }

    /// A world of files only.
    pub(crate) fn lay() -> Self {
        let directory = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let [port, sandbox_port] = free_ports();
        let transport = Transport::new(None).expect("a transport");
        let world = Self { transport, port, sandbox_port, server: None, sandbox: None, directory };
        world.lay_files();
        for place in &PLACES {
            world.done(&["tenant", "init", place.slug], "");
            for (user, role) in [("erika", "VERWALTUNG_USER"), ("rita", "VERWALTUNG_POSTSTELLE")] {
                let name = format!("{user} aus {}", place.slug);
                let command =
                    ["account", "add", place.slug, user, "--name", &name, "--role", role, "--org-unit", "amt"];
                world.done(&command, PASSWORD);
            }
        }
        world
    }

    fn lay_files(&self) {
        let secrets = self.path("schluessel");
        fs::create_dir(&secrets).expect("a directory");
        fs::create_dir(self.path("daten")).expect("a directory");
        for key in keys() {
            for file in [&key.decryption_file, &key.signing_file] {
                fs::copy(file, secrets.join(file.file_name().expect("a name"))).expect("copied");
            }
        }
        let offices = Office::set_up(&secrets, self.plans(), now()).expect("offices");
        let sender = Client {
            client_id: SENDER.to_owned(),
            client_secret: SENDER_SECRET.to_owned(),
            scopes: [Scope::SendSubmissions].into(),
            destinations: [].into(),
        };
        let seed = Seed {
            clients: offices.iter().map(Office::client).chain([sender]).collect(),
            destinations: offices.iter().map(Office::destination).collect(),
            areas: Vec::new(),
        };
        fs::write(self.path("seed.json"), serde_json::to_string(&seed).expect("JSON")).expect("written");
        let mut toml = format!(
            "[server]\nlisten = \"127.0.0.1:{0}\"\npublic_url = \"http://{{host}}:{0}\"\ndata_dir = \"daten\"\n\n\
             [storage]\nreserve_mib = 16\n\n[outbound]\nallow_http_loopback = true\n",
            self.port
        );
        let urls = Urls::at(&format!("http://127.0.0.1:{}", self.sandbox_port));
        for (place, office) in PLACES.iter().zip(&offices) {
            toml.push_str(&format!(
                "\n[[tenant]]\nslug = \"{0}\"\nname = \"{0}\"\nhosts = [\"{0}.localhost\"]\n\
                 key_file = \"schluessel/{0}.key\"\n\n[[tenant.org_unit]]\nid = \"amt\"\nname = \"Amt\"\n\n\
                 [[tenant.route]]\norg_unit = \"amt\"\n",
                place.slug
            ));
            toml.push_str(MAPPING);
            toml.push_str(&office.section(&urls).replacen("\nclient_id", "\npoll_seconds = 2\nclient_id", 1));
        }
        fs::write(self.path("ozg-cloud.toml"), toml).expect("written");
    }

    fn plans(&self) -> Vec<OfficePlan<'static>> {
        let services: Vec<_> = SERVICES
            .iter()
            .map(|service| OfferedService {
                identifier: service.identifier(),
                region: "DE09162".to_owned(),
                schema_uri: form_data::SCHEMA_URI.to_owned(),
                mime_type: "application/json".to_owned(),
            })
            .collect();
        let plan = |place: &'static Place| OfficePlan {
            label: place.label,
            id: place.destination(),
            name: place.slug,
            version: place.version,
            services: services.clone(),
            callback_url: Some(format!("{}/fit-connect/rueckruf/{}", self.origin(place), place.destination())),
            org_unit: Some("amt"),
        };
        PLACES.iter().map(plan).collect()
    }

    pub(crate) fn path(&self, part: &str) -> PathBuf {
        self.directory.path().join(part)
    }

    /// Where browsers find a tenant.
    pub(crate) fn origin(&self, place: &Place) -> String {
        format!("http://{}.localhost:{}", place.slug, self.port)
    }

    /// The program with these arguments, knowing nothing of the machine but its configuration.
    pub(crate) fn program<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ozg-cloud"));
        command.env_clear().env("OZG_CONFIG", self.path("ozg-cloud.toml")).args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs a command that has to work, and tells what it said.
    pub(crate) fn done(&self, arguments: &[&str], input: &str) -> String {
        let mut command = self.program(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        // A command that takes no input may have closed it already.
        drop(child.stdin.take().expect("a pipe").write_all(format!("{input}\n").as_bytes()));
        let output = child.wait_with_output().expect("it ends");
        let said = |bytes| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{arguments:?}: {} {}", said(&output.stdout), said(&output.stderr));
        said(&output.stdout)
    }

    fn spawned(&self, log: &str, command: &mut Command) -> Process {
        let out = fs::OpenOptions::new().create(true).append(true).open(self.path(log)).expect("a log");
        let err = out.try_clone().expect("a log");
        Process(command.stdout(out).stderr(err).spawn().expect("the program starts"))
    }

    /// Starts the sandbox; it answers.
    pub(crate) async fn start_sandbox(&mut self) {
        let key = Path::new(env!("CARGO_TARGET_TMPDIR")).join("world-service-key.jwk.json");
        let listen = format!("127.0.0.1:{}", self.sandbox_port);
        let mut command = self.program(&["sandbox", "--listen", &listen, "--allow-http-callbacks"]);
        command.arg("--seed").arg(self.path("seed.json")).arg("--service-key").arg(key);
        self.sandbox = Some(self.spawned("sandbox.log", &mut command));
        let place = format!("http://127.0.0.1:{}/sandbox", self.sandbox_port);
        self.answers(&place, Instant::now()).await;
    }

    /// Starts the server; it need not answer yet.
    pub(crate) fn start_server(&mut self) {
        self.server = Some(self.spawned("server.log", &mut self.program(&["serve"])));
    }

    /// Waits until the server can take work, and tells for how long.
    pub(crate) async fn ready(&self) -> Duration {
        self.answers(&format!("http://127.0.0.1:{}/readyz", self.port), Instant::now()).await
    }

    async fn answers(&self, place: &str, from: Instant) -> Duration {
        while !visitor::answers(&self.transport, place).await {
            self.both_run();
            assert!(from.elapsed() < LONGEST_START, "{place} does not answer: {}", self.server_log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        from.elapsed()
    }

    /// Whoever waits for a process looks whether it is still there.
    fn both_run(&self) {
        for (name, process) in [("server", &self.server), ("sandbox", &self.sandbox)] {
            let ended = process.as_ref().is_some_and(Process::has_ended);
            assert!(!ended, "the {name} has ended: {}", self.said(&format!("{name}.log")));
        }
    }

    /// Waits until the sandbox has seen so many acceptances; false if that does not happen in time.
    pub(crate) async fn accepted(&self, wanted: usize, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while self.sandbox("state").await["events"]["accept-submission"].as_u64() < Some(wanted as u64) {
            self.both_run();
            if Instant::now() > until {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }

    /// Ends the server by force (SIGKILL).
    pub(crate) fn kill_server(&mut self) {
        drop(self.server.take());
    }

    /// Asks the server to end (SIGTERM) and tells how it ended, and after how long.
    pub(crate) async fn terminate_server(&mut self) -> (ExitStatus, Duration) {
        let mut process = self.server.take().expect("a server that runs");
        let from = Instant::now();
        kill_process(pid(&process.0), Signal::TERM).expect("it runs");
        loop {
            if let Some(status) = process.0.try_wait().expect("a child") {
                return (status, from.elapsed());
            }
            assert!(from.elapsed() < LONGEST_START, "it does not end: {}", self.server_log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Memory of the server in KiB (`VmRSS`).
    pub(crate) fn server_memory(&self) -> u64 {
        let process = self.server.as_ref().expect("a server that runs");
        process.status("VmRSS").trim_end_matches(" kB").parse().expect("a number")
    }

    /// What the server has said so far.
    pub(crate) fn server_log(&self) -> String {
        self.said("server.log")
    }

    fn said(&self, log: &str) -> String {
        fs::read_to_string(self.path(log)).unwrap_or_default()
    }

    /// The account of the senders at the sandbox.
    pub(crate) fn account(&self) -> Account {
        let urls = Urls::at(&format!("http://127.0.0.1:{}", self.sandbox_port));
        Account {
            token_url: urls.token,
            submission_url: urls.submission,
            client_id: SENDER.to_owned(),
            client_secret: SENDER_SECRET.to_owned(),
        }
    }

    /// A sender with an account at the sandbox.
    pub(crate) fn sender(&self) -> Sender {
        Sender::new(self.transport.clone(), self.account())
    }

    /// The key that a tenant wants to be written to with.
    pub(crate) async fn key_of(&self, place: &Place) -> EncryptionKey {
        self.sender().key_of(place.destination(), place.version).await.expect("a key")
    }

    /// Calls something that answers.
    pub(crate) async fn call(&self, method: Method, url: &str, body: impl Into<bytes::Bytes>) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(url).header(header::CONTENT_TYPE, "application/json");
        let request = request.body(transport::full(body)).expect("a request");
        let answer = self.transport.send(request).await.expect("an answer");
        let status = answer.status();
        let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What the administration of the sandbox tells.
    pub(crate) async fn sandbox(&self, path: &str) -> Value {
        let url = format!("http://127.0.0.1:{}/sandbox/{path}", self.sandbox_port);
        serde_json::from_str(&self.call(Method::GET, &url, "").await.1).expect("JSON")
    }

    /// All metrics of the server.
    pub(crate) async fn metrics(&self) -> String {
        self.call(Method::GET, &format!("http://127.0.0.1:{}/metrics", self.port), "").await.1
    }

    /// Somebody who is signed in at a tenant.
    pub(crate) async fn visitor(&self, place: &Place, user: &str) -> Visitor {
        let signed_in = Visitor::sign_in(self.transport.clone(), self.origin(place), user, PASSWORD).await;
        signed_in.expect("signed in")
    }

    /// Every row of the list of all cases of a tenant, as HTML.
    pub(crate) async fn rows(&self, place: &Place) -> Vec<String> {
        let visitor = self.visitor(place, "erika").await;
        let (mut rows, mut next) = (Vec::new(), Some("/vorgaenge?ansicht=alle".to_owned()));
        while let Some(path) = next {
            let page = visitor.open(&path).await.expect("a page");
            assert_eq!(page.status, StatusCode::OK, "{}", page.text);
            rows.extend(page.text.split("<tr id=\"v-").skip(1).map(str::to_owned));
            next = page.text.split_once("rel=\"next\"").map(|(before, _)| {
                let (_, href) = before.rsplit_once("href=\"").expect("a link");
                href.trim_end().trim_end_matches('"').replace("&#38;", "&").replace("&amp;", "&")
            });
        }
        rows
    }
}

pub(crate) fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("a process id")).expect("a process id")
}

/// Below what Linux gives to whoever asks for any port: only those who ask here get one of these.
const PORTS: Range<u32> = 10_000..32_000;

/// Two ports that nobody listens at, for processes that are started later: each is handed out once, and where another run
/// of these tests begins is another place.
pub(crate) fn free_ports() -> [u16; 2] {
    static TURN: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(97);
    let port = || {
        let turn = begin.wrapping_add(TURN.fetch_add(1, Relaxed));
        u16::try_from(PORTS.start + turn % (PORTS.end - PORTS.start)).expect("a port")
    };
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    [0, 1].map(|_| iter::repeat_with(port).take(1_000).find(is_free).expect("a port that is free"))
}
