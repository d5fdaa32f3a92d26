//! Destinations of a demo or test with everything around them: keys and secrets on disk, the seed for the sandbox, and the
//! section of the tenant's configuration.
//!
//! What is there is read, what is absent is made: a second start finds the same destinations with the same keys.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
};

use ozg_protocols::{ids::DestinationId, moment::Moment};

use super::{
    caller::{Client, Scope},
    key_file::{self, DestinationKeys, KeyFileError, make_destination_keys},
    seed::{OfferedService, SeedDestination},
    settings::Urls,
};
use ozg_protocols::fit_connect::api::ApiVersion;

/// A destination that is wanted.
#[derive(Debug, Clone)]
pub struct OfficePlan<'a> {
    /// Names its files and its client; letters, digits and hyphens.
    pub label: &'a str,
    /// Its id.
    pub id: DestinationId,
    /// What people call it.
    pub name: &'a str,
    /// The version of the Submission API that its subscriber speaks.
    pub version: ApiVersion,
    /// What it offers.
    pub services: Vec<OfferedService>,
    /// Where its callbacks go.
    pub callback_url: Option<String>,
    /// The org unit that is responsible when no route fits.
    pub org_unit: Option<&'a str>,
}

/// A destination whose keys and secrets lie on disk.
#[derive(Clone)]
pub struct Office<'a> {
    plan: OfficePlan<'a>,
    keys: DestinationKeys,
    client_secret: String,
    client_secret_file: PathBuf,
    callback_secret: String,
    callback_secret_file: PathBuf,
}

impl fmt::Debug for Office<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Office").field("plan", &self.plan).field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl<'a> Office<'a> {
    /// Reads or makes the keys and secrets of these destinations in this directory. Blocks; making a key costs up to some
    /// seconds of one core, all are made at once.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn set_up(directory: &Path, plans: Vec<OfficePlan<'a>>, now: Moment) -> Result<Vec<Self>, KeyFileError> {
        let labels: Vec<&str> = plans.iter().map(|plan| plan.label).collect();
        let keys = make_destination_keys(directory, &labels, now)?;
        let offices = plans.into_iter().zip(keys).map(|(plan, keys)| {
            let client_secret_file = directory.join(format!("{}.client-secret", plan.label));
            let callback_secret_file = directory.join(format!("{}.callback-secret", plan.label));
            Ok(Self {
                client_secret: key_file::secret_text(&client_secret_file)?,
                callback_secret: key_file::secret_text(&callback_secret_file)?,
                plan,
                keys,
                client_secret_file,
                callback_secret_file,
            })
        });
        offices.collect()
    }

    /// The destination as the sandbox is told about it.
    #[must_use]
    pub fn destination(&self) -> SeedDestination {
        let (encryption, signing) = (self.keys.decryption.public(), self.keys.signing.public());
        let seeded = SeedDestination::new(self.plan.id, self.plan.name, &encryption, &signing, &self.plan.services);
        match &self.plan.callback_url {
            Some(url) => seeded.with_callback(url, &self.callback_secret),
            None => seeded,
        }
    }

    /// The client of its subscriber.
    #[must_use]
    pub fn client(&self) -> Client {
        Client {
            client_id: self.client_id(),
            client_secret: self.client_secret.clone(),
            scopes: BTreeSet::from([Scope::SubscribeDestinations]),
            destinations: BTreeSet::from([self.plan.id]),
        }
    }

    /// Its section `[[tenant.destination]]`.
    #[must_use]
    pub fn section(&self, urls: &Urls) -> String {
        let plan = &self.plan;
        let text = |text: &str| toml::Value::from(text).to_string();
        let file = |path: &Path| text(&path.to_string_lossy());
        let version = match plan.version {
            ApiVersion::V1 => 1,
            ApiVersion::V2 => 2,
        };
        let mut section = format!(
            "\n[[tenant.destination]]\nid = \"{}\"\nname = {}\napi_version = {version}\ntoken_url = {}\n\
             submission_url = {}\nclient_id = {}\nclient_secret_file = {}\ndecryption_key_files = [{}]\n\
             signing_key_file = {}\n",
            plan.id,
            text(plan.name),
            text(&urls.token),
            text(&urls.submission),
            text(&self.client_id()),
            file(&self.client_secret_file),
            file(&self.keys.decryption_file),
            file(&self.keys.signing_file),
        );
        let mut line = |name: &str, value: String| section.push_str(&format!("{name} = {value}\n"));
        if plan.callback_url.is_some() {
            line("callback_secret_file", file(&self.callback_secret_file));
        }
        if let Some(unit) = plan.org_unit {
            line("org_unit", text(unit));
        }
        for service in &plan.services {
            line("\n[[tenant.destination.service]]\nidentifier", text(&service.identifier));
            line("schema_uris", format!("[{}]", text(&service.schema_uri)));
        }
        section
    }

    fn client_id(&self) -> String {
        format!("{}-subscriber", self.plan.label)
    }
}
