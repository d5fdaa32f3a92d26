//! The configuration: one TOML file, variables over it, and nothing that nobody knows.
//!
//! Text goes in at [`Loaded::read`]: the file becomes a tree ([`tree`]), `OZG_…` variables are laid over it
//! ([`environment`]), each section takes its typed values out ([`reader`]), and the rules between sections are checked
//! ([`check`]). Every value keeps its [`Origin`]. Secrets are named by place ([`SecretPlace`]), never held.
//! What the values are for is known elsewhere: `serve` turns them into the settings of actors and web.

mod address;
mod check;
mod destination;
mod environment;
mod origin;
mod outbound;
mod problem;
mod reader;
mod secret;
mod server;
mod table;
mod tenant;
mod tree;
mod words;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use self::{
    address::{Endpoint, HostName, InvalidAddress, Network, Proxy, PublicUrl},
    destination::{Destination, PublishedService},
    environment::Environment,
    origin::Origin,
    outbound::Outbound,
    problem::{Problem, Problems},
    reader::Shown,
    secret::{SecretPlace, SecretUnavailable},
    server::{Log, LogFormat, LogLevel, Operations, Server, Storage, Tls, Workers},
    tenant::{OrgUnit, Tenant},
};
use self::{
    reader::{Reader, Surroundings},
    tree::Tree,
};
use crate::german;

/// The example that `config example` prints and the tests read.
pub const EXAMPLE: &str = include_str!("../docs/config.example.toml");

/// Where the configuration lies when nobody names another file.
pub const USUAL_PLACE: &str = "/etc/ozg-cloud/ozg-cloud.toml";

/// The sections there are.
const SECTIONS: [&str; 7] = ["server", "operations", "log", "storage", "workers", "outbound", "tenant"];

/// The whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where pages are served and data lie.
    pub server: Server,
    /// Metrics and probes.
    pub operations: Operations,
    /// What is logged.
    pub log: Log,
    /// Memory and reserve of the store.
    pub storage: Storage,
    /// Worker pools.
    pub workers: Workers,
    /// How services of others are reached.
    pub outbound: Outbound,
    /// The tenants.
    pub tenants: Vec<Tenant>,
}

/// A configuration and where each of its values comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Every value as it may be shown, in the order of the sections.
    pub shown: Vec<Shown>,
}

impl Loaded {
    /// Reads the file and lays the variables over it.
    ///
    /// # Errors
    /// Everything that is wrong with it, or that the file cannot be read.
    pub fn from_file(file: &Path, environment: &Environment) -> Result<Self, Problems> {
        let text = fs::read_to_string(file).map_err(|error| {
            let origin = Origin::File { file: Arc::new(file.to_owned()), line: 1 };
            let what = format!(
                "kann nicht gelesen werden ({}); `ozg-cloud config example` zeigt ein Beispiel",
                german::system(&error)
            );
            Problems(vec![Problem { origin, path: String::new(), what }])
        })?;
        Self::read(&text, file, environment)
    }

    /// Reads the text of a file; relative paths in it start at the file's directory.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(text: &str, file: &Path, environment: &Environment) -> Result<Self, Problems> {
        let whole = Arc::new(file.to_owned());
        let mut tree = Tree::parse(text, &whole).map_err(|problem| Problems(vec![problem]))?;
        let whole = Origin::File { file: whole, line: 1 };
        let problems = environment.overlay(&mut tree, &SECTIONS);
        let base = file.parent().map(Path::to_owned).unwrap_or_default();
        let around = Surroundings { base, credentials: environment.credentials() };
        let mut reader = Reader { around, problems, ..Reader::default() };
        let config = Config::take(&mut reader, tree, &whole);
        if let (Some(config), true) = (&config, reader.problems.is_empty()) {
            reader.problems = check::check(config, &reader, &whole);
        }
        match config {
            Some(config) if reader.problems.is_empty() => Ok(Self { config, shown: reader.shown }),
            _ => Err(Problems(reader.problems)),
        }
    }
}

impl Config {
    fn take(reader: &mut Reader, tree: Tree, file: &Origin) -> Option<Self> {
        let mut root = reader.root(tree.root, file.clone());
        let server = Server::read(root.section("server"));
        let operations = Operations::read(root.section("operations"));
        let log = Log::read(root.section("log"));
        let storage = Storage::read(root.section("storage"));
        let workers = Workers::read(root.section("workers"));
        let outbound = Outbound::read(root.section("outbound"));
        let tenants = root.sections("tenant", Tenant::read);
        root.finish();
        Some(Self { server: server?, operations, log, storage, workers, outbound, tenants })
    }

    /// The tenant with this short name.
    #[must_use]
    pub fn tenant(&self, slug: &str) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.slug.as_str() == slug)
    }
}

/// Where the configuration is: as named, as `OZG_CONFIG` names it, or in its usual place.
#[must_use]
pub fn place(named: Option<PathBuf>, environment: &Environment) -> PathBuf {
    named.or_else(|| environment.get("OZG_CONFIG").map(PathBuf::from)).unwrap_or_else(|| PathBuf::from(USUAL_PLACE))
}

#[cfg(test)]
mod tests {
    use ozg_protocols::fit_connect::verify::ReplyKind;

    use super::*;

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, Problems> {
        let environment = variables.iter().copied().collect();
        Loaded::read(text, Path::new("/etc/ozg/ozg.toml"), &environment)
    }

    fn problems(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
        read(text, variables).expect_err("refused").0.iter().map(Problem::to_string).collect()
    }

    fn example(from: &str, to: &str) -> String {
        assert!(EXAMPLE.contains(from), "{from}");
        EXAMPLE.replacen(from, to, 1)
    }

    #[test]
    fn the_example_is_a_configuration() {
        let config = read(EXAMPLE, &[]).expect("valid").config;
        let tenant = config.tenant("musterstadt").expect("there");
        assert_eq!(config.server.public_url.origin(&tenant.hosts[0]), "https://musterstadt.example");
        assert_eq!(tenant.destinations[0].api_version, ozg_protocols::fit_connect::api::ApiVersion::V2);
        assert_eq!(tenant.mappings[0].labels["/betrieb/taetigkeit"], "Angemeldete Tätigkeit");
    }

    #[test]
    fn what_the_example_leaves_out_is_a_setting_too() {
        let uncommented = |line: &str| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => rest.to_owned(),
            _ => line.to_owned(),
        };
        let text = EXAMPLE.lines().map(uncommented).collect::<Vec<_>>().join("\n");
        let text = text.replace("api_version = 2", "api_version = 1");
        let config = read(&text, &[]).expect("valid").config;
        assert!(config.server.tls.is_some() && config.outbound.proxy.is_some() && config.operations.listen.is_some());
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_what_was_meant() {
        let text = example("listen = \"127.0.0.1:8080\"", "lisen = \"127.0.0.1:8080\"");
        assert_eq!(
            problems(&text, &[]),
            ["/etc/ozg/ozg.toml:11: `server.lisen` ist unbekannt; gemeint ist wohl `listen`"]
        );
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let text = example("poll_seconds = 60", "poll_seconds = 0").replace("level = \"info\"", "level = \"laut\"");
        let found = problems(&text, &[]);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found[0].contains("`log.level` muss `error`"), "{}", found[0]);
        assert!(found[1].contains("muss eine ganze Zahl von 1 bis 3600 sein"), "{}", found[1]);
    }

    #[test]
    fn a_reply_channel_that_does_not_exist_is_refused_where_it_stands() {
        let commented = "#reply_channels = [\"eMail\", ";
        let text = example(commented, "reply_channels = [\"Brieftaube\", ");
        let found = problems(&text, &[]);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains("`tenant.0.destination.0.reply_channels.0` muss ein Rückkanal"), "{}", found[0]);
        assert!(found[0].contains("`deMail`"), "{}", found[0]);
        let text = example(commented, "reply_channels = []\n#");
        assert!(problems(&text, &[])[0].contains("`tenant.0.destination.0.reply_channels` ist leer"));
    }

    #[test]
    fn the_reply_channels_that_are_taken_are_shown_as_the_metadata_name_them() {
        assert_eq!(read(EXAMPLE, &[]).expect("valid").config.tenants[0].destinations[0].reply_channels, None);
        let Loaded { config, shown } = read(&example("#reply_channels", "reply_channels"), &[]).expect("valid");
        assert_eq!(config.tenants[0].destinations[0].reply_channels.as_deref(), Some(&ReplyKind::ALL[..]));
        let found = shown.iter().find(|shown| shown.path == "tenant.0.destination.0.reply_channels.1");
        assert_eq!(found.map(|shown| shown.value.as_str()), Some("deMail"));
    }

    #[test]
    fn a_variable_goes_over_the_file_and_is_named_as_the_origin() {
        let loaded = read(EXAMPLE, &[("OZG_SERVER__LISTEN", "0.0.0.0:443"), ("OZG_TENANT__0__NAME", "Muster")]);
        let Loaded { config, shown } = loaded.expect("valid");
        assert_eq!(config.server.listen.port(), 443);
        let origin = |path: &str| shown.iter().find(|shown| shown.path == path).map(|shown| shown.origin.to_string());
        assert_eq!(origin("server.listen").as_deref(), Some("Variable OZG_SERVER__LISTEN"));
        assert_eq!(origin("tenant.0.name").as_deref(), Some("Variable OZG_TENANT__0__NAME"));
        assert_eq!(origin("tenant.0.destination.0.allow_zip").as_deref(), Some("Vorgabe"));
    }

    #[test]
    fn an_unknown_variable_is_refused_but_those_of_kubernetes_are_left_alone() {
        let found = problems(EXAMPLE, &[("OZG_SERVER__LISTN", "x"), ("OZG_LOG_LEVEL", "debug")]);
        assert!(found[0].contains("gemeint ist wohl OZG_LOG__LEVEL"), "{}", found[0]);
        assert!(found[1].starts_with("Variable OZG_SERVER__LISTN: `server.listn` ist unbekannt"), "{}", found[1]);
        read(EXAMPLE, &[("OZG_CLOUD_PORT", "tcp://10.0.0.1:80"), ("OZG_CONFIG", "x")]).expect("left alone");
    }

    #[test]
    fn the_proxy_of_the_environment_counts_where_none_is_named() {
        let environment = [("HTTPS_PROXY", "http://erika:geheim@proxy.example:3128")];
        let Loaded { config, shown } = read(EXAMPLE, &environment).expect("valid");
        assert_eq!(
            config.outbound.proxy.map(|proxy| proxy.uri().to_string()).as_deref(),
            Some("http://erika:geheim@proxy.example:3128/")
        );
        assert!(shown.iter().all(|shown| !shown.value.contains("geheim")));
        let text = example("#proxy =", "proxy =");
        let config = read(&text, &environment).expect("valid").config;
        assert!(config.outbound.proxy.is_some_and(|proxy| !proxy.uri().to_string().contains("geheim")));
    }

    #[test]
    fn plain_http_is_for_this_machine_and_by_permission_only() {
        let local = example("https://token.example/token", "http://127.0.0.1:9/token");
        assert!(problems(&local, &[])[0].contains("token_url` muss https sein"));
        let allowed = local.replace("allow_http_loopback = false", "allow_http_loopback = true");
        read(&allowed, &[]).expect("allowed");
        let foreign = allowed.replace("http://127.0.0.1:9/token", "http://token.example/token");
        assert_eq!(problems(&foreign, &[]).len(), 1);
    }

    #[test]
    fn an_org_unit_that_is_missing_is_refused_where_it_is_named() {
        let text = example("org_unit = \"32\"", "org_unit = \"99\"");
        let found = problems(&text, &[]);
        assert!(found[0].contains("`tenant.0.route.0.org_unit` nennt `99`"), "{}", found[0]);
        assert!(found[0].starts_with("/etc/ozg/ozg.toml:"), "{}", found[0]);
    }

    #[test]
    fn an_unknown_key_in_a_row_of_the_protocols_is_refused_like_any_other() {
        let found = problems(&example("family_name =", "familyname ="), &[]);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains("`tenant.0.mapping.0.natural.familyname` ist unbekannt"), "{}", found[0]);
        assert!(found[0].ends_with("gemeint ist wohl `family_name`"), "{}", found[0]);
        let found = problems(&example("valid_from = 2026-01-01", ""), &[]);
        assert!(found[0].ends_with("`tenant.0.mapping.0` fehlt der Schlüssel `valid_from`"), "{}", found[0]);
    }

    #[test]
    fn what_is_no_toml_or_of_another_type_is_told_in_german() {
        #[rustfmt::skip]
        let wrong = [
            (example("data_dir =", "listen ="), "(Spalte 1): ein Schlüssel steht zweimal da"),
            (example("max_body_mib = 8 ", "max_body_mib "), "nach einem Schlüssel fehlt `=`"),
            (example("level = \"info\"", "level = debug"), "in Anführungszeichen stehen"),
            (example("level = \"info\"", "level = info"), "ein Text steht ohne Anführungszeichen da"),
            (example("level = \"info\"", "level = \"info"), "ein Text endet nicht mit Anführungszeichen"),
            (example("[log]", "[log"), "`]` fehlt"),
            (example("[[tenant.route]]", "[[tenant.route]"), "`]]` fehlt"),
            (example("allowed = [\"127.0.0.0/8\", ", "allowed = [\"127.0.0.0/8\" "), "ein Komma fehlt"),
            (example("service = \"99050*\"", "service = 99050"), "ein Wert ist von der Art ganze Zahl, erwartet wird Text"),
            (example("valid_from = 2026-01-01", "valid_from = \"gestern\""), "ein Tag wird als JJJJ-MM-TT geschrieben"),
            (example("\"/antragsteller/vorname\"", "\"vorname\""), "ein Pfad beginnt mit `/`"),
            (example("#shape = \"ozg-cloud\"", "shape = \"rund\""), "`rund` gibt es hier nicht; hier gibt es "),
            (example("#destination = \"8a2f4a5e", "destination = \"8a2f4a5"), "wird mit seiner UUID genannt"),
        ];
        for (text, says) in wrong {
            let found = problems(&text, &[]);
            assert!(found.iter().any(|problem| problem.contains(says)), "{says}: {found:#?}");
            for english in
                ["error", "value", "unexpected", "required", "found", "expected", "invalid", "missing", "Wortlaut"]
            {
                assert!(found.iter().all(|problem| !problem.contains(english)), "{found:#?}");
            }
        }
        let found = problems("a = 1__0", &[]);
        assert!(
            found[0].contains(":1: ist kein gültiges TOML (Spalte ") && found[0].contains("im Wortlaut: "),
            "{found:?}"
        );
    }

    #[test]
    fn every_key_of_the_example_is_shown_with_its_origin_set_or_not() {
        let Loaded { shown, .. } = read(EXAMPLE, &[]).expect("valid");
        let without_places =
            |path: &str| path.split('.').filter(|part| part.parse::<u32>().is_err()).collect::<Vec<_>>().join(".");
        let shown: Vec<_> =
            shown.into_iter().map(|shown| Shown { path: without_places(&shown.path), ..shown }).collect();
        let (mut section, mut keys, mut absent) = (String::new(), 0, false);
        for line in EXAMPLE.lines() {
            let (unset, line) = line.strip_prefix('#').map_or((false, line), |rest| (true, rest));
            if line.starts_with('[') {
                // A row that is not there has no keys.
                absent = unset;
                section = line.split(']').next().unwrap_or_default().trim_matches('[').to_owned();
            } else if absent {
            } else if let Some((key, _)) =
                line.split_once(" = ").filter(|(key, _)| key.bytes().all(|c| c.is_ascii_lowercase() || c == b'_'))
            {
                let path = format!("{section}.{key}");
                let found =
                    shown.iter().find(|shown| shown.path == path).unwrap_or_else(|| panic!("{path} is not shown"));
                assert_eq!(unset, found.origin == Origin::Default, "{path}: {found:?}");
                keys += 1;
            }
        }
        assert!(keys > 60, "{keys}");
        let value = |path: &str| shown.iter().find(|shown| shown.path == path).map(|shown| shown.value.as_str());
        assert_eq!(value("outbound.root_certificates"), Some("(leer)"));
        assert_eq!(value("outbound.proxy"), Some("(keine)"));
    }

    #[test]
    fn a_configuration_without_a_tenant_is_refused() {
        assert!(problems("[server]\ndata_dir = 'x'\n", &[])[0].contains("mindestens einen Mandanten"));
        let found = problems("", &[]);
        assert_eq!(found, ["/etc/ozg/ozg.toml:1: `server.data_dir` fehlt; es muss ein Pfad sein"]);
    }

    #[test]
    fn checkpoints_lie_outside_the_data() {
        let inside = "[storage]\ncheckpoint_file = \"/var/lib/ozg-cloud/checkpoints\"";
        let found = problems(&example("[storage]", inside), &[]);
        assert!(found.len() == 1 && found[0].contains("außerhalb von `server.data_dir`"), "{found:?}");
        let outside = read(&example("[storage]", "[storage]\ncheckpoint_file = \"zeuge\""), &[]).expect("valid");
        assert_eq!(outside.config.storage.checkpoint_file.as_deref(), Some(Path::new("/etc/ozg/zeuge")));
    }

    #[test]
    fn paths_start_at_the_file_of_the_configuration() {
        let text = example("data_dir = \"/var/lib/ozg-cloud\"", "data_dir = \"daten\"");
        assert_eq!(read(&text, &[]).expect("valid").config.server.data_dir, Path::new("/etc/ozg/daten"));
    }
}
