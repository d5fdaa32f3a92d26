//! The rules between sections: what one value allows another to be.

use std::{collections::BTreeSet, fmt::Display};

use ozg_protocols::forms::path::Path;

use super::{Config, destination::Destination, origin::Origin, problem::Problem, reader::Reader, tenant::Tenant};

/// Everything that contradicts something else.
pub(super) fn check(config: &Config, reader: &Reader, file: &Origin) -> Vec<Problem> {
    let mut found = Found { reader, file, problems: Vec::new() };
    if config.tenants.is_empty() {
        found.refuse("tenant", "fehlt; es muss mindestens einen Mandanten geben (`[[tenant]]`)");
    }
    // What lies beside the data is set back together with them.
    if config.storage.checkpoint_file.as_ref().is_some_and(|file| file.starts_with(&config.server.data_dir)) {
        found.refuse(
            "storage.checkpoint_file",
            "muss außerhalb von `server.data_dir` liegen, am besten auf einer anderen Maschine",
        );
    }
    let tenants = || config.tenants.iter().enumerate();
    found.twice("slug", tenants().map(|(at, tenant)| (at, &tenant.slug)));
    found.twice("hosts", tenants().flat_map(|(at, tenant)| tenant.hosts.iter().map(move |host| (at, host))));
    let destinations = tenants().flat_map(|(at, tenant)| tenant.destinations.iter().map(move |one| (at, &one.id)));
    found.twice("destination", destinations);
    for (at, tenant) in tenants() {
        check_tenant(&mut found, &format!("tenant.{at}"), tenant);
        for (index, destination) in tenant.destinations.iter().enumerate() {
            check_destination(&mut found, &format!("tenant.{at}.destination.{index}"), destination, config);
        }
    }
    found.problems
}

fn check_tenant(found: &mut Found<'_>, path: &str, tenant: &Tenant) {
    let known: BTreeSet<_> = tenant.org_units.iter().map(|unit| &unit.id).collect();
    if known.len() < tenant.org_units.len() {
        found.refuse(&format!("{path}.org_unit"), "nennt eine Nummer zweimal");
    }
    let routed =
        tenant.routes.iter().enumerate().map(|(at, route)| (format!("{path}.route.{at}"), Some(&route.org_unit)));
    let received = tenant.destinations.iter().enumerate();
    let received = received.map(|(at, one)| (format!("{path}.destination.{at}"), one.org_unit.as_ref()));
    for (path, unit) in routed.chain(received) {
        if let Some(unit) = unit.filter(|unit| !known.contains(unit)) {
            found.refuse(&format!("{path}.org_unit"), format!("nennt `{unit}`, das unter `[[tenant.org_unit]]` fehlt"));
        }
    }
    for (at, route) in tenant.routes.iter().enumerate() {
        let own = |id| tenant.destinations.iter().any(|destination| destination.id == id);
        if route.destination.is_some_and(|id| !own(id)) {
            found.refuse(
                &format!("{path}.route.{at}.destination"),
                "nennt einen Zustellpunkt, den der Mandant nicht hat",
            );
        }
    }
    for (at, mapping) in tenant.mappings.iter().enumerate() {
        for label in mapping.labels.keys().filter(|label| label.parse::<Path>().is_err()) {
            let what = format!("nennt `{label}`, das kein Pfad ist (`/antragsteller/nachname`)");
            found.refuse(&format!("{path}.mapping.{at}.labels"), what);
        }
    }
    let mappings: BTreeSet<_> =
        tenant.mappings.iter().map(|mapping| (&mapping.schema_uri, mapping.valid_from)).collect();
    if mappings.len() < tenant.mappings.len() {
        found.refuse(&format!("{path}.mapping"), "nennt dieselbe `schema_uri` zweimal mit demselben Tag");
    }
}

fn check_destination(found: &mut Found<'_>, path: &str, destination: &Destination, config: &Config) {
    for (key, endpoint) in [("token_url", &destination.token_url), ("submission_url", &destination.submission_url)] {
        if endpoint.is_plain() && !(config.outbound.allow_http_loopback && endpoint.is_loopback()) {
            let what = "muss https sein; http gibt es nur zu dieser Maschine und mit `outbound.allow_http_loopback`";
            found.refuse(&format!("{path}.{key}"), what);
        }
    }
}

struct Found<'r> {
    reader: &'r Reader,
    file: &'r Origin,
    problems: Vec<Problem>,
}

impl Found<'_> {
    fn refuse(&mut self, path: &str, what: impl Into<String>) {
        let origin = self.reader.origin_of(path).unwrap_or(self.file).clone();
        self.problems.push(Problem { origin, path: path.to_owned(), what: what.into() });
    }

    fn twice<'v, T: Ord + Display + 'v>(&mut self, key: &str, values: impl Iterator<Item = (usize, &'v T)>) {
        let mut seen = BTreeSet::new();
        for (at, value) in values {
            if !seen.insert(value) {
                self.refuse(&format!("tenant.{at}.{key}"), format!("nennt `{value}` ein zweites Mal"));
            }
        }
    }
}
