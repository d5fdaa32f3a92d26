//! The environment variables, read once, at the start. Nobody else asks for one.
//!
//! A variable with a double underscore is a setting (`OZG_SERVER__LISTEN`). Others that begin with `OZG_` are left alone,
//! because Kubernetes makes some of its own (`OZG_CLOUD_PORT`), unless a forgotten underscore is likely.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    origin::Origin,
    problem::Problem,
    tree::{Tree, Value},
};

/// What the variables of our settings begin with.
const PREFIX: &str = "OZG_";

/// The environment variables of the process.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process; one that is not Unicode is left out.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
    pub fn of_this_process() -> Self {
        let unicode =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self(unicode.collect())
    }

    /// One variable, if it is there and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Where systemd put the credentials of the service.
    pub(super) fn credentials(&self) -> Option<PathBuf> {
        self.get("CREDENTIALS_DIRECTORY").map(PathBuf::from)
    }

    /// Lays the variables over the file.
    pub(super) fn overlay(&self, tree: &mut Tree, sections: &[&str]) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, value) in &self.0 {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            let path: Vec<String> = rest.to_lowercase().split("__").map(str::to_owned).collect();
            if path.len() > 1 {
                problems.extend(tree.overlay(&path, value, name).err());
            } else if let Some(meant) = forgotten_underscore(&path[0], sections) {
                let what = format!("ist unbekannt; gemeint ist wohl {meant}");
                problems.push(Problem { origin: Origin::Variable(name.clone()), path: String::new(), what });
            }
        }
        self.proxy(tree, &mut problems);
        problems
    }

    /// `HTTPS_PROXY` counts where the configuration names no proxy.
    fn proxy(&self, tree: &mut Tree, problems: &mut Vec<Problem>) {
        let named = tree.root.get("outbound").is_some_and(
            |outbound| matches!(&outbound.value, Value::Table(outbound) if outbound.contains_key("proxy")),
        );
        let given = ["HTTPS_PROXY", "https_proxy"].into_iter().find_map(|name| Some((name, self.get(name)?)));
        if let (false, Some((name, value))) = (named, given) {
            problems.extend(tree.overlay(&["outbound".to_owned(), "proxy".to_owned()], value, name).err());
        }
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

fn forgotten_underscore(name: &str, sections: &[&str]) -> Option<String> {
    let (section, key) = name.split_once('_')?;
    sections.contains(&section).then(|| format!("{PREFIX}{}__{}", section.to_uppercase(), key.to_uppercase()))
}
